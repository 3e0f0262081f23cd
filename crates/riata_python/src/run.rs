//! Drain a batch: the only place where the loop calls user code.
//!
//! What a callback raises goes to the loop's exception handler; only `SystemExit` and `KeyboardInterrupt` come out, and what
//! is queued behind stays queued, in order.

use riata_engine::KernelDriver;

use crate::core::handle::{Handle, handle_for_report};
use crate::core::operation::Operation;
use crate::core::task::{self, Task};
use crate::core::timeout::Timeout;
use crate::event_loop::LoopCore;
use crate::ffi::{Obj, Raised, Res, RunsIn, aside, copy_context, run_in_context};
use crate::job::Job;
use crate::net;
use crate::primitives::gather;

/// Run `count` jobs.
#[inline(always)]
pub fn run_batch(core: &LoopCore, count: usize) -> Res<()> {
    for _ in 0..count {
        let Some(job) = core.pop() else { break };
        if core.timed.get() {
            run_timed(core, job)?;
        } else {
            run_job(core, job)?;
        }
        core.forget_snapshot();
    }
    Ok(())
}

#[inline]
fn run_job(core: &LoopCore, job: Job) -> Res<()> {
    match job {
        Job::Step(task) => run_task(core, &task, Ok(None)),
        Job::Wake(task) => {
            let woken = Task::of(&task).woken(core);
            run_task(core, &task, woken)
        }
        Job::Throw(task, exception) => run_task(core, &task, Ok(Some(exception))),
        Job::Handle(object) => {
            let handle = Handle::of(&object);
            Handle::leave_queue(&object);
            if handle.is_cancelled() {
                return Ok(());
            }
            core.leave()?;
            handle.run(&object)
        }
        Job::Done {
            callback,
            context,
            future,
        } => {
            core.leave()?;
            match run_in_context(&context, || callback.call1(&future)) {
                Ok(_) => Ok(()),
                Err(Raised) => report(core, &callback, &[future.as_ptr()], &context),
            }
        }
        Job::Net(object, event) => {
            core.leave()?;
            net::run(core, &object, event)
        }
        Job::Elapsed(operation) => Operation::of(&operation).elapsed(),
        Job::Expired(timeout, armed) => {
            core.leave()?;
            match Timeout::of(&timeout).is_void(armed) {
                true => Ok(()),
                false => Timeout::of(&timeout).expire(&timeout).or_else(|Raised| {
                    report(core, &timeout.get(c"_on_timeout")?, &[], &copy_context()?)
                }),
            }
        }
        Job::Member(owner, child) => {
            core.leave()?;
            gather::member_done(&owner, &child).or_else(|Raised| {
                let callback = owner.get(c"_on_task_done")?;
                report(core, &callback, &[child.as_ptr()], &copy_context()?)
            })
        }
    }
}

#[inline]
fn run_task(core: &LoopCore, object: &Obj, exception: Res<Option<Obj>>) -> Res<()> {
    let task = Task::of(object);
    match exception.and_then(|exception| task.run(object, core, exception)) {
        Ok(()) => Ok(()),
        Err(Raised) => report(
            core,
            &task::step_callable(object)?,
            &[],
            &task::context_of(object),
        ),
    }
}

/// An error outside a handle: report it as asyncio would, with a handle made for the purpose.
#[cold]
fn report(
    core: &LoopCore,
    callback: &Obj,
    args: &[*mut pyo3::ffi::PyObject],
    context: &Obj,
) -> Res<()> {
    let exception = crate::ffi::take_exception();
    core.leave()?;
    let handle = handle_for_report(
        &core.this(),
        core,
        callback,
        args,
        RunsIn::Own(context.clone()),
    )?;
    if let Some(exception) = exception {
        crate::ffi::set_exception(exception);
    }
    Handle::of(&handle).report(&handle, callback)
}

/// Debug mode: say which job took longer than `slow_callback_duration` seconds. And let the watchdog know when each job
/// begins and ends.
#[cold]
fn run_timed(core: &LoopCore, job: Job) -> Res<()> {
    let kept = job.clone();
    let watched = core.job_begins();
    // In virtual time, too, it is real time that a job must not take.
    let start = KernelDriver::monotonic();
    let ran = run_job(core, job);
    let took = KernelDriver::monotonic() - start;
    let blocked = watched.and_then(|watched| core.job_ends(watched));
    let told = match blocked {
        Some(seconds) => aside(|| core.report_blocked(&shown(core, &kept)?, seconds)),
        None => Ok(()),
    };
    ran?;
    told?;
    if !core.debug.get() || took < core.slow_callback_duration.get() {
        return Ok(());
    }
    core.report_slow(&shown(core, &kept)?, took)
}

/// The object that stands for a job in a report.
fn shown(core: &LoopCore, job: &Job) -> Res {
    Ok(match job {
        Job::Step(task) | Job::Wake(task) | Job::Throw(task, _) => task.clone(),
        Job::Handle(handle) => handle.clone(),
        Job::Done {
            callback,
            context,
            future,
        } => handle_for_report(
            &core.this(),
            core,
            callback,
            &[future.as_ptr()],
            RunsIn::Own(context.clone()),
        )?,
        Job::Net(object, _) | Job::Elapsed(object) | Job::Expired(object, _) => object.clone(),
        Job::Member(owner, _) => owner.clone(),
    })
}

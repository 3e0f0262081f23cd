//! `timeout`, `timeout_at` and `Timeout`. Mirrors `asyncio.timeouts`.

use super::waiters::is_cancellation;
use crate::core::class_methods;
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::operation::{Kind, new_operation};
use crate::core::task;
use crate::core::timeout::{Stage, Timeout, new_timeout, new_timeout_after};
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::{current_task, current_task_of, require_running_loop};
use crate::ffi::{
    Obj, Res, aside, float, plain_number, raise_assertion_error, raise_runtime_error, repr,
    set_cause, set_context, set_exception, take_raised, to_double,
};
use crate::job::{Job, TimerJob};
use crate::state::state;

pub fn functions() -> Res<[(&'static str, Obj); 3]> {
    let timeout = class_methods::function(
        c"timeout",
        |args| {
            let [delay] = args.of("timeout").bind(["delay"], 1)?;
            after(delay.unwrap_or(&Obj::none()))
        },
        c"timeout(delay)\n--\n\nCancel the body of `async with` after delay seconds, and raise TimeoutError then. None: never.\n\nRuntimeError: no loop is running. Mirrors asyncio.timeout.",
    )?;
    let timeout_at = class_methods::function(
        c"timeout_at",
        |args| {
            let [when] = args.of("timeout_at").bind(["when"], 1)?;
            new_timeout(when.map_or_else(Obj::none, Obj::clone))
        },
        c"timeout_at(when)\n--\n\nCancel the body of `async with` at loop time when (seconds), and raise TimeoutError then. None: never.\n\nMirrors asyncio.timeout_at.",
    )?;
    let time_left = class_methods::function(
        c"time_left",
        |args| {
            let [] = args.of("time_left").bind([], 0)?;
            time_left()
        },
        c"time_left()\n--\n\nReturn the seconds until the nearest deadline that the current task runs within, its own or one of the tasks that made it; None without one.\n\nRuntimeError: no loop is running.",
    )?;
    Ok([
        ("timeout", timeout),
        ("timeout_at", timeout_at),
        ("time_left", time_left),
    ])
}

/// `async with timeout`: nothing happens before it is awaited.
static ENTER: Kind = Kind {
    name: "Timeout.__aenter__",
    resume: |operation, _, thrown| {
        if let Some(exception) = thrown {
            return rethrow(exception);
        }
        let this = operation.owner.get_or_none();
        Timeout::of(&this).enter(&this)?;
        Ok(Stepped::Ends(this))
    },
};

pub fn entering(timeout: &Obj) -> Res {
    new_operation(&ENTER, timeout.clone(), None)
}

/// A timeout of so many seconds from now on.
pub fn after(delay: &Obj) -> Res {
    let loop_ = require_running_loop()?;
    if delay.is_none() {
        return new_timeout(Obj::none());
    }
    let seconds = plain_number(delay);
    if let (Some(core), Some(seconds)) = (plain(LoopCore::of(&loop_)), seconds) {
        return new_timeout_after(seconds, core.time() + seconds);
    }
    let timeout = new_timeout(loop_.method0(&state().names.time)?.add(delay)?)?;
    Timeout::of(&timeout).delay.set(seconds.unwrap_or(-1.0));
    Ok(timeout)
}

/// The native side of a loop, if its timers are ours.
#[inline]
fn plain(core: Option<&LoopCore>) -> Option<&LoopCore> {
    core.filter(|core| core.plain.get() && core.plain_timers.get())
}

impl Timeout {
    pub fn enter(&self, this: &Obj) -> Res<()> {
        if self.stage.get() != Stage::Created {
            return Err(raise_runtime_error("Timeout has already been entered"));
        }
        let loop_ = require_running_loop()?;
        let core = LoopCore::of(&loop_);
        let Some(task) = current_task_of(&loop_, core)? else {
            return Err(raise_runtime_error("Timeout should be used inside a task"));
        };
        self.cancelling.set(task::cancelling(&task)?);
        self.shield.set_opt(task::shield_of(&task));
        self.become_innermost(this, &task)?;
        self.task.set(task);
        self.loop_.set(loop_.clone());
        self.stage.set(Stage::Entered);
        self.arm(this, &loop_, core)
    }

    /// The task, and those that it makes, run within this from here on.
    fn become_innermost(&self, this: &Obj, task: &Obj) -> Res<()> {
        match task::exact(task) {
            Some(ours) => self.link(ours.timeout.replace(this.clone())),
            None => {
                let innermost = &state().innermost_timeout;
                let outer = innermost.get(c"get")?.call1(&Obj::none())?;
                self.link((!outer.is_none()).then_some(outer));
                innermost.get(c"set")?.call1(this)?;
            }
        }
        Ok(())
    }

    fn link(&self, outer: Option<Obj>) {
        let depth = match &outer {
            Some(outer) => Timeout::of(outer).depth.get().saturating_add(1),
            None => 0,
        };
        self.depth.set(depth);
        self.outer.set_opt(outer);
        if depth >= 16 && depth.is_power_of_two() {
            self.unlink_ended();
        }
    }

    /// Tasks that make tasks within timeouts of theirs would make a chain without end.
    #[cold]
    fn unlink_ended(&self) {
        let mut chain: Vec<Obj> = Vec::new();
        loop {
            let this = chain.last().map_or(self, Timeout::of);
            let mut outer = this.outer.get();
            while let Some(ended) = outer.as_ref().map(Timeout::of) {
                if !ended.is_over() {
                    break;
                }
                outer = ended.outer.get();
            }
            this.outer.set_opt(outer.clone());
            match outer {
                Some(outer) => chain.push(outer),
                None => break,
            }
        }
        self.depth.set(chain.len() as u32);
        for (depth, timeout) in chain.iter().rev().enumerate() {
            Timeout::of(timeout).depth.set(depth as u32);
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.stage.get(), Stage::Expired | Stage::Exited)
    }

    /// The link to the outer one stays, for tasks that were made within this one. It need not be the innermost: another task may
    /// close the async generator that it is in, in another context, and a later one may still run.
    fn leave_to_outer(&self, this: &Obj) -> Res<()> {
        let task = self.task.get_or_none();
        match task::exact(&task) {
            Some(ours) => {
                if ours.timeout.ptr() == this.as_ptr() {
                    ours.timeout.set_opt(self.outer.get());
                }
            }
            None => {
                let innermost = &state().innermost_timeout;
                if innermost.get(c"get")?.call0()?.is(this.as_ptr()) {
                    let outer = self.outer.get_or_none();
                    innermost.get(c"set")?.call1(&outer)?;
                }
            }
        }
        Ok(())
    }

    /// Be the innermost timeout of the tasks that `make` makes, until [`uncover`](Self::uncover). Somebody else keeps the time.
    pub fn cover(&self, this: &Obj, loop_: &Obj, make: impl FnOnce() -> Res) -> Res {
        let Some(task) = current_task(loop_)? else {
            return make();
        };
        self.become_innermost(this, &task)?;
        self.task.set(task);
        self.stage.set(Stage::Entered);
        let made = make();
        let left = aside(|| self.leave_to_outer(this));
        self.task.clear();
        left.and(made)
    }

    /// The deadline does not count any more.
    pub fn uncover(&self) {
        self.stage.set(Stage::Exited);
    }

    pub fn reschedule(&self, this: &Obj, when: &Obj) -> Res<()> {
        match self.stage.get() {
            Stage::Entered => {}
            Stage::Created => return Err(raise_runtime_error("Timeout has not been entered")),
            stage => {
                return Err(raise_runtime_error(&format!(
                    "Cannot change state of {} Timeout",
                    name(stage)
                )));
            }
        }
        self.set_when(when.clone());
        self.disarm(this)?;
        let loop_ = require_running_loop()?;
        self.loop_.set(loop_.clone());
        self.arm(this, &loop_, LoopCore::of(&loop_))
    }

    /// Let the loop tell us when the deadline has come.
    fn arm(&self, this: &Obj, loop_: &Obj, core: Option<&LoopCore>) -> Res<()> {
        if !self.is_limited() {
            return Ok(());
        }
        if let (Some(core), Some(deadline)) = (plain(core), self.plain_deadline()) {
            core.check_closed()?;
            self.armed.set(self.armed.get().wrapping_add(1));
            if deadline <= core.time() {
                core.push(Job::Expired(this.clone(), self.armed.get()));
            } else {
                self.in_heap.set(true);
                core.add_timer(deadline, TimerJob::Timeout(this.clone(), self.armed.get()));
            }
            return Ok(());
        }
        let (when, on_timeout) = (self.when()?, this.get(c"_on_timeout")?);
        let now = loop_.method0(&state().names.time)?;
        self.handle.set(match when.at_most(&now)? {
            true => loop_.get(c"call_soon")?.call1(&on_timeout)?,
            false => loop_
                .get(c"call_at")?
                .call(&[when.as_ptr(), on_timeout.as_ptr()])?,
        });
        Ok(())
    }

    fn disarm(&self, this: &Obj) -> Res<()> {
        self.armed.set(self.armed.get().wrapping_add(1));
        if self.in_heap.replace(false) {
            let loop_ = self.loop_.get_or_none();
            if let Some(core) = LoopCore::of(&loop_) {
                core.timer_cancelled(this);
            }
        }
        match self.handle.take() {
            Some(handle) => handle.method0(&state().names.cancel).map(drop),
            None => Ok(()),
        }
    }

    /// Whether the entry of the timers that was armed with this number has nothing to do any more.
    #[inline]
    pub fn is_void(&self, armed: u32) -> bool {
        self.armed.get() != armed
    }

    /// The deadline has come: cancel the task.
    pub fn expire(&self, this: &Obj) -> Res<()> {
        if self.stage.get() != Stage::Entered {
            return Err(raise_assertion_error());
        }
        let task = self.task.get_or_none();
        self.note_awaited(this, &task);
        task::cancel_within(self.shield.get().as_ref(), &task, None)?;
        self.stage.set(Stage::Expiring);
        self.handle.clear();
        Ok(())
    }

    /// What a task awaits when the time is over. A note must not keep the deadline from being kept.
    pub fn note_awaited(&self, this: &Obj, task: &Obj) {
        match state().describe_await.call(&[task.as_ptr(), this.as_ptr()]) {
            Ok(awaited) => self.awaited.set(awaited),
            Err(raised) => drop(take_raised(raised)),
        }
    }

    /// Leave with this exception, or none. TimeoutError: the cancellation is ours.
    pub fn exit(&self, this: &Obj, exception: Option<&Obj>) -> Res<()> {
        let stage = self.stage.get();
        if !matches!(stage, Stage::Entered | Stage::Expiring) {
            return Err(raise_assertion_error());
        }
        self.disarm(this)?;
        self.leave_to_outer(this)?;
        // Contexts that were copied meanwhile keep this, which is not to keep the task.
        let task = self.task.take().unwrap_or_else(Obj::none);
        self.loop_.clear();
        self.shield.clear();
        if stage == Stage::Entered {
            self.stage.set(Stage::Exited);
            return Ok(());
        }
        self.stage.set(Stage::Expired);
        let left = task::uncancel(&task)?;
        let Some(exception) = exception.filter(|_| left <= self.cancelling.get()) else {
            return Ok(());
        };
        if !is_cancellation(exception) {
            return self.tell_inside(exception);
        }
        Err(set_exception(self.error(Some(exception))?))
    }

    /// A TimeoutError of this one, in the place of a cancellation.
    pub fn error(&self, cancellation: Option<&Obj>) -> Res {
        let error = state().timeout_error_class.call0()?;
        if let Some(cancellation) = cancellation {
            set_cause(&error, cancellation);
            set_context(&error, cancellation);
        }
        self.add_note(&error);
        Ok(error)
    }

    /// Which timeout it was, and what was awaited.
    fn add_note(&self, error: &Obj) {
        let note = || -> Res {
            let (delay, when) = (float(self.delay.get())?, self.when()?);
            let awaited = self.awaited.get_or_none();
            state().note_timeout.call(&[
                error.as_ptr(),
                delay.as_ptr(),
                when.as_ptr(),
                awaited.as_ptr(),
            ])
        };
        if let Err(raised) = note() {
            drop(take_raised(raised));
        }
    }

    /// The body turned our cancellation into an exception of its own: a TimeoutError goes where the cancellation is among the
    /// exceptions that led to it.
    fn tell_inside(&self, exception: &Obj) -> Res<()> {
        self.insert_error(exception)?;
        if exception.is_instance(&state().exception_group)? {
            for member in crate::ffi::iterate(&exception.get(c"exceptions")?)? {
                self.insert_error(&member)?;
            }
        }
        Ok(())
    }

    fn insert_error(&self, exception: &Obj) -> Res<()> {
        let mut exception = exception.clone();
        while let Some(context) = crate::ffi::context_of(&exception) {
            if is_cancellation(&context) {
                set_context(&exception, &self.error(Some(&context))?);
                break;
            }
            exception = context;
        }
        Ok(())
    }

    pub fn describe(&self) -> Res<String> {
        let stage = self.stage.get();
        let when = self.when()?;
        let when = match (stage, when.is_none()) {
            (Stage::Entered, true) => String::from(" when=None"),
            (Stage::Entered, false) => {
                format!(" when={}", repr(&float(round(to_double(&when)?))?)?)
            }
            _ => String::new(),
        };
        Ok(format!("<Timeout [{}]{when}>", name(stage)))
    }
}

/// The seconds that are left until the nearest deadline that the current task runs within; `None` without one.
pub fn time_left() -> Res {
    let loop_ = require_running_loop()?;
    let timeout = match current_task(&loop_)?
        .as_ref()
        .map(|task| (task, task::exact(task)))
    {
        Some((_, Some(ours))) => ours.timeout.get(),
        _ => {
            let innermost = state().innermost_timeout.get(c"get")?.call1(&Obj::none())?;
            match LoopCore::of(&loop_) {
                // An eager task of asyncio's runs within the step of ours that makes it.
                Some(core) if innermost.is_none() => core.timeout_of_current(),
                _ => (!innermost.is_none()).then_some(innermost),
            }
        }
    };
    let Some(nearest) = nearest_deadline(timeout, |timeout| !timeout.is_over())? else {
        return Ok(Obj::none());
    };
    let now = to_double(&loop_.method0(&state().names.time)?)?;
    float((nearest - now).max(0.0))
}

/// The earliest deadline of a timeout and those around it, of the ones that count.
pub fn nearest_deadline(
    mut timeout: Option<Obj>,
    counts: impl Fn(&Timeout) -> bool,
) -> Res<Option<f64>> {
    let mut nearest: Option<f64> = None;
    while let Some(object) = timeout {
        let this = Timeout::of(&object);
        if counts(this) && this.is_limited() {
            let when = to_double(&this.when()?)?;
            nearest = Some(nearest.map_or(when, |nearest| nearest.min(when)));
        }
        timeout = this.outer.get();
    }
    Ok(nearest)
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round_ties_even() / 1000.0
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Created => "created",
        Stage::Entered => "active",
        Stage::Expiring => "expiring",
        Stage::Expired => "expired",
        Stage::Exited => "finished",
    }
}

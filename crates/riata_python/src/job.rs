//! What a loop has to do next: one entry of the ready queue.
//!
//! An enum instead of a handle with a callback: a task's step, the commonest of all, needs no object and no Python call.
#![expect(unsafe_code, reason = "jobs carry Python references between threads")]

use riata_engine::Timer;

use crate::core::handle::Handle;
use crate::core::operation::{self, Operation};
use crate::core::timeout::Timeout;
use crate::ffi::Obj;
use crate::net::Event;

pub enum Job {
    /// Run a `Handle` or `TimerHandle`, unless it was cancelled.
    Handle(Obj),
    /// First step of a task, or the one after a bare `yield`.
    Step(Obj),
    /// What the task awaited is done.
    Wake(Obj),
    /// Throw an exception into a task.
    Throw(Obj, Obj),
    /// Tell a done callback about its future.
    Done {
        callback: Obj,
        context: Obj,
        future: Obj,
    },
    /// Something happened to a transport, a server or a socket call.
    Net(Obj, Event),
    /// The timer of an operation has elapsed.
    Elapsed(Obj),
    /// The deadline of a `Timeout` has come, unless it was armed anew since.
    Expired(Obj, u32),
    /// A child of a task group or of a `gather` is done.
    Member(Obj, Obj),
}

/// What waits for a deadline, and becomes a job then.
pub enum TimerJob {
    /// A `TimerHandle`, which says itself whether it was cancelled.
    Handle(Obj),
    Net(Obj, Event),
    /// An operation that is to be woken, and knows whether it still waits for that.
    Operation(Obj),
    /// A `Timeout`, and the number with which it was armed.
    Timeout(Obj, u32),
}

impl Timer<Job> for TimerJob {
    #[inline]
    fn is_cancelled(&self) -> bool {
        match self {
            TimerJob::Handle(handle) => Handle::of(handle).is_cancelled(),
            TimerJob::Net(..) => false,
            TimerJob::Operation(operation) => {
                Operation::of(operation).timer.get() != operation::Timer::Armed
            }
            TimerJob::Timeout(timeout, armed) => Timeout::of(timeout).is_void(*armed),
        }
    }

    #[inline]
    fn into_job(self) -> Job {
        match self {
            TimerJob::Handle(handle) => {
                Handle::of(&handle).leave_heap();
                Job::Handle(handle)
            }
            TimerJob::Net(object, event) => Job::Net(object, event),
            TimerJob::Operation(operation) => {
                Operation::of(&operation)
                    .timer
                    .set(operation::Timer::Elapsed);
                Job::Elapsed(operation)
            }
            TimerJob::Timeout(timeout, armed) => {
                Timeout::of(&timeout).in_heap.set(false);
                Job::Expired(timeout, armed)
            }
        }
    }
}

impl TimerJob {
    /// The handle that waits, if it is one.
    #[inline]
    pub fn handle(&self) -> Option<&Obj> {
        match self {
            TimerJob::Handle(handle) => Some(handle),
            TimerJob::Net(..) | TimerJob::Operation(_) | TimerJob::Timeout(..) => None,
        }
    }

    /// What it holds, for the garbage collector.
    pub fn reference(&self) -> &Obj {
        match self {
            TimerJob::Handle(object)
            | TimerJob::Net(object, _)
            | TimerJob::Operation(object)
            | TimerJob::Timeout(object, _) => object,
        }
    }
}

// SAFETY: a job crosses threads only through the engine's inbox, which never touches what is in it: jobs are made, cloned,
// run and dropped by threads that hold the GIL.
unsafe impl Send for Job {}

impl Clone for Job {
    fn clone(&self) -> Job {
        match self {
            Job::Handle(handle) => Job::Handle(handle.clone()),
            Job::Step(task) => Job::Step(task.clone()),
            Job::Wake(task) => Job::Wake(task.clone()),
            Job::Throw(task, exception) => Job::Throw(task.clone(), exception.clone()),
            Job::Done {
                callback,
                context,
                future,
            } => Job::Done {
                callback: callback.clone(),
                context: context.clone(),
                future: future.clone(),
            },
            Job::Net(object, event) => Job::Net(object.clone(), *event),
            Job::Elapsed(operation) => Job::Elapsed(operation.clone()),
            Job::Expired(timeout, armed) => Job::Expired(timeout.clone(), *armed),
            Job::Member(owner, child) => Job::Member(owner.clone(), child.clone()),
        }
    }
}

impl Job {
    /// The handle that is to run, if it is one.
    #[inline]
    pub fn handle(&self) -> Option<&Obj> {
        match self {
            Job::Handle(handle) => Some(handle),
            _ => None,
        }
    }

    /// Every reference that a job holds, for the garbage collector.
    pub fn references(&self) -> [Option<&Obj>; 3] {
        match self {
            Job::Handle(a)
            | Job::Step(a)
            | Job::Wake(a)
            | Job::Net(a, _)
            | Job::Elapsed(a)
            | Job::Expired(a, _) => [Some(a), None, None],
            Job::Throw(a, b) | Job::Member(a, b) => [Some(a), Some(b), None],
            Job::Done {
                callback,
                context,
                future,
            } => [Some(callback), Some(context), Some(future)],
        }
    }
}

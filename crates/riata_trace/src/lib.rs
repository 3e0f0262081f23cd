//! What a loop tells those who watch it: events, as plain data.
//!
//! This is the vocabulary that the loop, the recorder and every viewer share, so it has a version and no dependencies.
//! What is deliberately absent: time. The sink that keeps events knows which clock to stamp them with, and one that
//! only counts them need not pay for one.

mod counts;

pub use counts::Counts;

/// The version of this vocabulary. It goes up whenever an event changes its meaning or its shape.
pub const VERSION: u32 = 1;

/// Names a task for as long as its loop lives. Numbers are given out in order and never used again.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct TaskId(pub u64);

impl TaskId {
    /// What is done outside any task: by a callback, or by the program that runs the loop.
    pub const NONE: TaskId = TaskId(0);
}

/// What a parked task waits for.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
#[repr(u8)]
pub enum Waits {
    /// Nothing: it gave way to others and goes on in the next turn.
    Turn,
    /// A future of which no more is known.
    Future,
    Task,
    /// A point in time.
    Timer,
    /// A socket, for reading.
    Readable,
    /// A socket, for writing.
    Writable,
    Lock,
    Event,
    Condition,
    Semaphore,
    Barrier,
    /// An item in a queue.
    QueueGet,
    /// Room in a queue.
    QueuePut,
    Gather,
    TaskGroup,
    /// A call in another thread.
    Thread,
}

impl Waits {
    /// How many kinds there are.
    pub const COUNT: usize = Waits::Thread as usize + 1;
}

/// Something that happened in a loop.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Event {
    /// `by` created `task`.
    Spawn { task: TaskId, by: TaskId },
    /// `task` begins to run.
    Step { task: TaskId },
    /// `by` made `task` ready to run again.
    Wake { task: TaskId, by: TaskId },
    /// `task` stopped running, until what it waits for happens. `owner` is the task that can make it happen, if one is
    /// known: that which holds the lock, or is awaited.
    Park {
        task: TaskId,
        waits: Waits,
        owner: TaskId,
    },
    /// `by` asked `task` to cancel.
    Cancel { task: TaskId, by: TaskId },
    /// `task` is over: it returned or raised, or was cancelled.
    Finish { task: TaskId },
    /// The loop goes to wait for its driver.
    IoWait,
    /// The loop is back, with `ready` sockets.
    IoReady { ready: u32 },
}

/// Takes events, on the loop's own thread.
///
/// An implementation is called in the middle of the loop's hottest paths: it must not block, and it has no way to fail.
pub trait Sink {
    fn emit(&mut self, event: Event);
}

//! In which context a scheduled callback or task will run.
#![expect(
    unsafe_code,
    reason = "reads where CPython keeps contexts, see ffi/contexts.rs"
)]

use super::LoopCore;
use crate::ffi::{Res, RunsIn, copy_context, thread_state};
use crate::state::state;

impl LoopCore {
    /// Where a callback will run that is scheduled now, and names no context: in a copy of the current one, as in asyncio. The
    /// copy is made when the callback runs. Until then all that one job schedules under the same variables share a snapshot,
    /// so that a burst costs one context and not thousands.
    #[inline]
    pub fn context_for_job(&self) -> Res<RunsIn> {
        if self.snapshot.is_set() && self.snapshot_is_current() {
            return Ok(RunsIn::CopyOf(self.snapshot.get_or_none()));
        }
        let copy = copy_context()?;
        if state().context_layout.is_none() {
            return Ok(RunsIn::Own(copy));
        }
        self.snapshot.set(copy.clone());
        Ok(RunsIn::CopyOf(copy))
    }

    /// Whether the variables in the snapshot, which is there, are those of the current context.
    fn snapshot_is_current(&self) -> bool {
        let Some(layout) = state().context_layout else {
            return false;
        };
        let running = self.thread.get();
        let thread = if running.is_null() || !self.is_owner() {
            thread_state()
        } else {
            running
        };
        // SAFETY: the state of this thread; its context and the snapshot are live contexts.
        unsafe {
            let current = layout.current(thread);
            !current.is_null() && layout.variables(current) == layout.variables(self.snapshot.ptr())
        }
    }

    /// The job that made it has ended: what its variables hold must not live longer.
    #[inline]
    pub fn forget_snapshot(&self) {
        self.snapshot.clear();
    }
}

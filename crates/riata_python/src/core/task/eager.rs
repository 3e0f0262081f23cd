//! The first step of an eager task (3.12 and newer): at once, inside the call that made it.

use super::Task;
use crate::event_loop::current_task::swap_current;
use crate::ffi::{Obj, Res, aside, in_context};
use crate::state::state;

impl Task {
    pub(super) fn loop_is_running(&self) -> Res<bool> {
        match self.future.core() {
            Some(core) => Ok(core.is_running()),
            None => self
                .future
                .loop_
                .get_or_none()
                .method0(&state().names.is_running)?
                .truth(),
        }
    }

    /// Run the first step at once, inside the call that made the task (3.12 and newer).
    pub(super) fn start_eagerly(&self, this: &Obj) -> Res<()> {
        let loop_ = self.future.loop_.get_or_none();
        let state = state();
        if let Some(core) = self.future.core() {
            core.spawned(self.task_id());
        }
        let outer = swap_current(&loop_, this)?;
        let noted = self
            .future
            .core()
            .map(|core| (core, core.note_current(this)));
        let registered = match &state.register_eager_task {
            Some(register) => register.call1(this).map(drop),
            None => Ok(()),
        };
        let context = self.own_context()?;
        let mut began = false;
        let stepped = registered.and_then(|()| {
            in_context(&context, || {
                began = true;
                self.step(this, None)
            })
        });
        let ended = aside(|| {
            if let Some((core, noted)) = noted {
                core.restore_current(&noted);
            }
            let restored = swap_current(&loop_, &outer).map(drop);
            let unregistered = aside(|| match &state.unregister_eager_task {
                Some(unregister) => unregister.call1(this).map(drop),
                None => Ok(()),
            });
            let registered = aside(|| match began {
                true => self.register_started(this),
                // Nothing will ever run it.
                false => Ok(()),
            });
            restored.and(unregistered).and(registered)
        });
        stepped.and(ended)
    }

    /// The first step of an eager task is over.
    fn register_started(&self, this: &Obj) -> Res<()> {
        if self.future.is_done() {
            self.coro.clear();
            return Ok(());
        }
        match self.future.core() {
            Some(core) => {
                self.list(core);
                Ok(())
            }
            None => state().register_task.call1(this).map(drop),
        }
    }
}

//! The task that asyncio believes to be the current one. Since 3.14 each thread keeps it in its state, beside its running loop.

use super::*;

/// Where this very Python keeps, in a thread's state, the running loop, and in the word after it the current task (both owned).
///
/// As with [`ContextLayout`], nothing is assumed: [`RunningTaskLayout::find`] looks on while asyncio's own functions change
/// them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunningTaskLayout {
    /// In words from the start of the thread's state.
    running_loop: usize,
}

impl RunningTaskLayout {
    /// The loop stands right after the public part of a thread's state, which is some forty words, and 64 more for the path of
    /// a debugger's script.
    const MOST_WORDS: usize = 256;

    /// Look for the place with asyncio's `_get_running_loop`, `_set_running_loop` and `_swap_current_task`; `None` when it is in
    /// doubt. Whatever ran before runs afterwards.
    pub fn find(get_loop: &Obj, set_loop: &Obj, swap_task: &Obj) -> Res<Option<Self>> {
        let (running, none) = (get_loop.call0()?, Obj::none());
        let running_task = match running.is_none() {
            true => none,
            false => swap_task.call(&[running.as_ptr(), none.as_ptr()])?,
        };
        let found = Self::look(set_loop, swap_task);
        aside(|| set_loop.call1(&running))?;
        if !running.is_none() {
            aside(|| swap_task.call(&[running.as_ptr(), running_task.as_ptr()]))?;
        }
        found
    }

    fn look(set_loop: &Obj, swap_task: &Obj) -> Res<Option<Self>> {
        let Some(layout) = Self::look_for(&string("a loop")?, set_loop)? else {
            return Ok(None);
        };
        let none = Obj::none();
        for name in ["a task", "another task"] {
            let (stand_in, task) = (string("another loop")?, string(name)?);
            set_loop.call1(&stand_in)?;
            swap_task.call(&[stand_in.as_ptr(), task.as_ptr()])?;
            // SAFETY: this thread's state, at the word that held the first stand-in, and at the next.
            let (loop_there, task_there) = unsafe {
                (
                    layout.running_loop(thread_state()),
                    *layout.task(thread_state()),
                )
            };
            let agrees = loop_there == stand_in.as_ptr() && task_there == task.as_ptr();
            swap_task.call(&[stand_in.as_ptr(), none.as_ptr()])?;
            // SAFETY: as above.
            if !agrees || !unsafe { *layout.task(thread_state()) }.is_null() {
                return Ok(None);
            }
        }
        Ok(Some(layout))
    }

    /// The first word that holds a stand-in for the running loop. No word after it is read, so the state is that long.
    fn look_for(stand_in: &Obj, set_loop: &Obj) -> Res<Option<Self>> {
        set_loop.call1(stand_in)?;
        let thread = thread_state().cast::<usize>();
        Ok((0..Self::MOST_WORDS)
            // SAFETY: words of this thread's state: it has one for the loop since 3.14, and the search ends there.
            .find(|&word| unsafe { *thread.add(word) } == stand_in.as_ptr() as usize)
            .map(|running_loop| RunningTaskLayout { running_loop }))
    }

    /// Make `task` (null: none) the current one of this thread, if `loop_` is its running loop; otherwise say no.
    ///
    /// # Safety
    /// `thread` is the state of this thread; `task` is null or a live object.
    #[inline]
    pub unsafe fn set(
        self,
        thread: *mut ffi::PyThreadState,
        loop_: *mut ffi::PyObject,
        task: *mut ffi::PyObject,
    ) -> bool {
        // SAFETY: `find` saw both pointers in these words. The reference there is owned: the new one is taken first, and the
        // old one is dropped when the new one is in place, since that may run anything.
        unsafe {
            if self.running_loop(thread) != loop_ {
                return false;
            }
            ffi::Py_XINCREF(task);
            let before = self.task(thread).replace(task);
            ffi::Py_XDECREF(before);
        }
        true
    }

    /// Whether `loop_` runs in this thread, and `task` is the current one.
    ///
    /// # Safety
    /// `thread` is the state of this thread.
    #[inline]
    pub unsafe fn is_task(
        self,
        thread: *mut ffi::PyThreadState,
        loop_: *mut ffi::PyObject,
        task: *mut ffi::PyObject,
    ) -> bool {
        // SAFETY: `find` saw both pointers in these words, which are only compared.
        unsafe { self.running_loop(thread) == loop_ && *self.task(thread) == task }
    }

    /// The loop that runs in this thread.
    ///
    /// # Safety
    /// `thread` is the state of this thread.
    #[inline]
    pub unsafe fn loop_of(self, thread: *mut ffi::PyThreadState) -> Option<Obj> {
        // SAFETY: `find` saw the loop in this word, which owns it; no loop runs where it is null or `None`.
        unsafe {
            let loop_ = self.running_loop(thread);
            (!loop_.is_null() && loop_ != ffi::Py_None()).then(|| Obj::shared(loop_))
        }
    }

    unsafe fn running_loop(self, thread: *mut ffi::PyThreadState) -> *mut ffi::PyObject {
        // SAFETY: the caller has the state of this thread, which has that word.
        unsafe { *thread.cast::<*mut ffi::PyObject>().add(self.running_loop) }
    }

    unsafe fn task(self, thread: *mut ffi::PyThreadState) -> *mut *mut ffi::PyObject {
        // SAFETY: as for `running_loop`; the task follows it.
        unsafe {
            thread
                .cast::<*mut ffi::PyObject>()
                .add(self.running_loop + 1)
        }
    }
}

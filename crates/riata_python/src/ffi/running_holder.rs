//! The loop that runs in this thread, up to 3.11: asyncio asks the kernel for the process id each time, which costs more than a
//! lock. Here a fork tells.

use std::sync::Once;
use std::sync::atomic::{AtomicI32, Ordering};

use super::*;

/// The id of this process.
static PROCESS: AtomicI32 = AtomicI32::new(0);

extern "C" fn note_process() {
    // SAFETY: asks the kernel, and no more.
    PROCESS.store(unsafe { libc::getpid() }, Ordering::Relaxed);
}

/// Where asyncio keeps the running loop: an object in the thread's dictionary, which has the loop (owned), and in the next word the
/// id of the process that set it, an `int`.
///
/// As with [`ContextLayout`], nothing is assumed: [`RunningHolder::find`] looks on while asyncio's own function changes it.
pub struct RunningHolder {
    key: Obj,
    class: *mut ffi::PyTypeObject,
}

impl RunningHolder {
    /// Look with asyncio's `_get_running_loop` and `_set_running_loop`; `None` when it is in doubt.
    pub fn find(get_loop: &Obj, set_loop: &Obj) -> Res<Option<Self>> {
        static ONCE: Once = Once::new();
        // SAFETY: the handler only stores a number.
        ONCE.call_once(|| unsafe {
            note_process();
            libc::pthread_atfork(None, None, Some(note_process));
        });
        let running = get_loop.call0()?;
        let found = Self::look(set_loop);
        aside(|| set_loop.call1(&running))?;
        found
    }

    fn look(set_loop: &Obj) -> Res<Option<Self>> {
        let key = interned(c"__asyncio_running_event_loop__")?;
        let mut class: *mut ffi::PyTypeObject = ptr::null_mut();
        for name in ["a loop", "another loop"] {
            let stand_in = string(name)?;
            set_loop.call1(&stand_in)?;
            let Some(holder) = in_thread(&key)? else {
                return Ok(None);
            };
            let words = size_of::<ffi::PyObject>() + 2 * size_of::<usize>();
            // SAFETY: a live holder, whose type says how long it is.
            let agrees = unsafe {
                (*holder.type_ptr()).tp_basicsize as usize == words
                    && process_of(&holder) == PROCESS.load(Ordering::Relaxed)
                    && loop_of(&holder) == stand_in.as_ptr()
            };
            if !agrees || !(class.is_null() || class == holder.type_ptr()) {
                return Ok(None);
            }
            class = holder.type_ptr();
        }
        Ok(Some(RunningHolder { key, class }))
    }

    /// The loop that runs in this thread.
    #[inline]
    pub fn running_loop(&self) -> Res<Option<Obj>> {
        let Some(holder) = in_thread(&self.key)? else {
            return Ok(None);
        };
        if holder.type_ptr() != self.class {
            return Ok(None);
        }
        // SAFETY: `find` saw both fields in objects of this class; the loop is null, `None` or live.
        unsafe {
            let loop_ = loop_of(&holder);
            let runs = !loop_.is_null()
                && loop_ != ffi::Py_None()
                && process_of(&holder) == PROCESS.load(Ordering::Relaxed);
            Ok(runs.then(|| Obj::shared(loop_)))
        }
    }
}

#[inline]
fn in_thread(key: &Obj) -> Res<Option<Obj>> {
    // SAFETY: the dictionary of this thread, or null; what it gives is borrowed, and taken at once.
    unsafe {
        let dict = ffi::PyThreadState_GetDict();
        if dict.is_null() {
            return Ok(None);
        }
        let found = ffi::PyDict_GetItemWithError(dict, key.as_ptr());
        if found.is_null() {
            return match exception_is_set() {
                true => Err(Raised),
                false => Ok(None),
            };
        }
        Ok(Some(Obj::shared(found)))
    }
}

/// # Safety
/// An object that is as long as a holder.
#[inline]
unsafe fn process_of(holder: &Obj) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { *holder.as_ptr().add(1).cast::<usize>().add(1).cast::<i32>() }
}

/// # Safety
/// As for `process_of`.
#[inline]
unsafe fn loop_of(holder: &Obj) -> *mut ffi::PyObject {
    // SAFETY: as the caller promises.
    unsafe { *holder.as_ptr().add(1).cast::<*mut ffi::PyObject>() }
}

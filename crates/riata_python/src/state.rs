//! What this extension keeps from Python for its whole life: types, functions of asyncio, interned names.
//!
//! One immutable table, filled when the module is imported; no object in it belongs to a loop.
#![expect(
    unsafe_code,
    reason = "the table is shared by raw pointer with the types of core/"
)]

use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[cfg(not(Py_3_14))]
use crate::core::context_methods;
use crate::core::{
    derived_transports, future, future_iter, gathering, handle, operation, ready, sock_call, stop,
    task, timeout, transport,
};
#[cfg(not(Py_3_12))]
use crate::ffi::RunningHolder;
#[cfg(Py_3_14)]
use crate::ffi::RunningTaskLayout;
use crate::ffi::{Builtin, ContextLayout, Obj, Res, SocketLayout, import, interned, to_int, tuple};

macro_rules! names {
    ($($field:ident = $text:literal),* $(,)?) => {
        /// Interned attribute and argument names.
        pub struct Names { $(pub $field: Obj),* }
        impl Names {
            fn new() -> Res<Names> {
                Ok(Names { $($field: interned($text)?),* })
            }
        }
    };
}

names! {
    abort = c"abort",
    add_done_callback = c"add_done_callback",
    call_exception_handler = c"call_exception_handler",
    call_later = c"call_later",
    call_soon = c"call_soon",
    cancel = c"cancel",
    cancelled = c"cancelled",
    context = c"context",
    coro = c"coro",
    eager_start = c"eager_start",
    do_handshake = c"do_handshake",
    done = c"done",
    exception = c"exception",
    force_close = c"_force_close",
    future = c"future",
    future_blocking = c"_asyncio_future_blocking",
    get_extra_info = c"get_extra_info",
    get_debug = c"get_debug",
    get_loop = c"get_loop",
    handle = c"handle",
    limit = c"limit",
    loop_ = c"loop",
    loop_attr = c"_loop",
    message = c"message",
    msg = c"msg",
    name = c"name",
    pause_reading = c"pause_reading",
    pending = c"pending",
    protocol = c"protocol",
    read = c"read",
    result = c"result",
    resume_reading = c"resume_reading",
    set_exception = c"set_exception",
    set_result = c"set_result",
    source_traceback = c"source_traceback",
    task = c"task",
    throw = c"throw",
    time = c"time",
    transport = c"transport",
    unwrap = c"unwrap",
    write = c"write",
    close = c"close",
    is_running = c"is_running",
    buffer_updated = c"buffer_updated",
    connection_lost = c"connection_lost",
    connection_made = c"connection_made",
    data_received = c"data_received",
    eof_received = c"eof_received",
    feed_data = c"feed_data",
    fileno = c"fileno",
    get_buffer = c"get_buffer",
    gettimeout = c"gettimeout",
    pause_writing = c"pause_writing",
    peername = c"peername",
    resume_writing = c"resume_writing",
    sockname = c"sockname",
    socket = c"socket",
    datagram_received = c"datagram_received",
    error_received = c"error_received",
    sock = c"_sock",
    conn_lost = c"_conn_lost",
    protocol_attr = c"_protocol",
    target_attr = c"_target",
    fileno_attr = c"_fileno",
    closing_attr = c"_closing",
    buffer_attr = c"_buffer",
    return_exceptions = c"return_exceptions",
    when = c"when",
    reader_eof = c"_eof",
    reader_limit = c"_limit",
    reader_paused = c"_paused",
    reader_ref = c"_stream_reader_wr",
    reader_transport = c"_transport",
    reader_waiter = c"_waiter",
    wakeup_waiter = c"_wakeup_waiter",
}

/// See the top of this file.
pub struct State {
    pub names: Names,
    pub future_type: *mut ffi::PyTypeObject,
    pub task_type: *mut ffi::PyTypeObject,
    pub handle_type: *mut ffi::PyTypeObject,
    pub timer_handle_type: *mut ffi::PyTypeObject,
    pub stop_type: *mut ffi::PyTypeObject,
    pub future_iter_type: *mut ffi::PyTypeObject,
    pub loop_type: *mut ffi::PyTypeObject,
    /// What `__class__` of our objects answers.
    pub asyncio_future: Obj,
    pub asyncio_task: Obj,
    pub asyncio_handle: Obj,
    pub asyncio_timer_handle: Obj,
    #[cfg(Py_3_14)]
    pub asyncio_threadsafe_handle: Obj,
    pub asyncio_transport: Obj,
    /// Where a context keeps its variables; `None` when this Python did not show it.
    pub context_layout: Option<ContextLayout>,
    pub cancelled_error: Obj,
    /// asyncio's, which is not Python's own on 3.10.
    pub timeout_error: Obj,
    pub invalid_state_error: Obj,
    pub iscoroutine: Obj,
    pub isfuture: Obj,
    /// Asks a future for its loop.
    pub loop_of_future: Obj,
    /// What reports the exception of a future whose shield was cancelled: some releases of 3.13 and 3.14 have it.
    pub log_on_exception: Option<Obj>,
    pub get_event_loop: Obj,
    pub future_repr_info: Obj,
    pub format_helpers: Obj,
    /// Whether this Python's futures wrap StopIteration, which came in the middle of 3.11 and 3.12.
    pub wraps_stop_iteration: bool,
    pub task_repr_info: Obj,
    pub task_callbacks: task::Callbacks,
    pub task_get_stack: Obj,
    pub task_print_stack: Obj,
    pub register_task: Obj,
    pub enter_task: Obj,
    pub leave_task: Obj,
    /// `_asyncio._current_tasks`, where this Python has it.
    #[cfg(not(Py_3_14))]
    pub current_tasks: Option<Obj>,
    /// Where a thread keeps its current task; `None` when this Python did not show it.
    #[cfg(Py_3_14)]
    pub running_task_layout: Option<RunningTaskLayout>,
    /// `_asyncio._swap_current_task` (3.12 and newer).
    pub swap_current_task: Option<Obj>,
    pub register_eager_task: Option<Obj>,
    pub unregister_eager_task: Option<Obj>,
    pub generic_alias: Obj,
    /// Keyword tuple `("context",)`.
    pub kw_context: Obj,
    pub transport_type: *mut ffi::PyTypeObject,
    pub sock_call_type: *mut ffi::PyTypeObject,
    pub operation_type: *mut ffi::PyTypeObject,
    #[cfg(not(Py_3_14))]
    pub embedded_type: *mut ffi::PyTypeObject,
    #[cfg(not(Py_3_14))]
    pub descriptor_type: *mut ffi::PyTypeObject,
    pub timeout_type: *mut ffi::PyTypeObject,
    pub gathering_type: *mut ffi::PyTypeObject,
    /// The awaitable that is done and ends with `None`.
    pub ready: Obj,
    #[cfg(not(Py_3_12))]
    pub running_holder: Option<RunningHolder>,
    /// `asyncio._get_running_loop`.
    pub get_running_loop: Builtin,
    /// `asyncio.current_task`.
    pub current_task: Obj,
    pub lock_class: Obj,
    pub deque: Obj,
    pub heappush: Obj,
    pub heappop: Obj,
    pub queue_empty: Obj,
    pub queue_full: Obj,
    pub queue_shut_down: Obj,
    /// What is raised when a deadline has passed: on 3.10 asyncio's and Python's in one.
    pub timeout_error_class: Obj,
    pub base_exception_group: Obj,
    pub exception_group: Obj,
    pub asyncio_gather: Obj,
    /// Whether this Python's task group closes a coroutine that it refuses.
    pub task_group_closes: bool,
    pub ensure_future: Obj,
    /// Does nothing, in Python: the interpreter then gives the GIL to a thread that asked for it.
    pub give_way: Obj,
    /// Coroutines in Python, for what is not worth native code; `riata/coroutines.py`.
    pub await_by_coroutine: Obj,
    pub enter_by_methods: Obj,
    /// The context variable of the innermost timeout, for tasks that are not ours.
    pub innermost_timeout: Obj,
    pub cr_await: pyo3::ffi::getter,
    /// What goes into notes on exceptions; `riata/notes.py`.
    pub describe_await: Obj,
    pub note_timeout: Obj,
    pub note_failure: Obj,
    /// asyncio's own functions, for futures that are not ours.
    #[cfg(Py_3_14)]
    pub add_to_awaited_by: Obj,
    #[cfg(Py_3_14)]
    pub discard_from_awaited_by: Obj,
    pub derived_transports: derived_transports::Classes,
    pub logger: Obj,
    pub buffered_protocol: Obj,
    pub set_result_unless_cancelled: Obj,
    pub transport_socket: Obj,
    /// Whether this asyncio's `create_task` passes every keyword on to the task (3.14, and the later ones of 3.13).
    pub create_task_takes_any: bool,
    /// `_FlowControlMixin._set_write_buffer_limits`, and something for it to write to.
    pub set_write_buffer_limits: Obj,
    pub simple_namespace: Obj,
    pub check_ssl_socket: Obj,
    /// `warnings.warn`.
    pub warn: Obj,
    /// `socket.socket`.
    pub socket_class: Obj,
    /// Where sockets keep their descriptors; `None` when this Python did not show it.
    pub socket_layout: Option<SocketLayout>,
    pub streams: crate::net::streams::Classes,
}

static STATE: AtomicPtr<State> = AtomicPtr::new(std::ptr::null_mut());

/// The table. Only code that runs after the module was made can have a reason to ask.
#[inline]
pub fn state() -> &'static State {
    let state = STATE.load(Ordering::Acquire);
    debug_assert!(!state.is_null(), "the module is not initialised");
    // SAFETY: set once by `init`, never freed; every object that calls this was made after `init`.
    unsafe { &*state }
}

/// Fill the table; a second import of the module finds it filled.
pub fn init(py: Python<'_>) -> PyResult<()> {
    if !STATE.load(Ordering::Acquire).is_null() {
        return Ok(());
    }
    let loop_type = py.get_type::<crate::event_loop::Loop>().as_type_ptr();
    let lock_class = Obj::from(py.get_type::<crate::primitives::lock::Lock>());
    let give_way = Obj::from(py.eval(c"lambda: None", Some(&PyDict::new(py)), None)?);
    let state = build(loop_type, lock_class, give_way)?;
    STATE.store(Box::into_raw(Box::new(state)), Ordering::Release);
    Ok(())
}

fn build(loop_type: *mut ffi::PyTypeObject, lock_class: Obj, give_way: Obj) -> Res<State> {
    let native = import(c"_asyncio")?;
    let tasks = import(c"asyncio.tasks")?;
    let events = import(c"asyncio.events")?;
    let exceptions = import(c"asyncio.exceptions")?;
    let base_tasks = import(c"asyncio.base_tasks")?;
    let names = Names::new()?;
    let future_type = future::make_type()?;
    let optional = |module: &Obj, name| {
        module.get(name).ok().or_else(|| {
            crate::ffi::take_exception();
            None
        })
    };
    let coroutines = import(c"riata.coroutines")?;
    let notes = import(c"riata.notes")?;
    let errors = import(c"riata.exceptions")?;
    let swap_current_task = optional(&native, c"_swap_current_task");
    Ok(State {
        future_type,
        task_type: task::make_type(future_type)?,
        handle_type: handle::make_handle_type()?,
        timer_handle_type: handle::make_timer_handle_type()?,
        stop_type: stop::make_type()?,
        future_iter_type: future_iter::make_type()?,
        loop_type,
        asyncio_future: native.get(c"Future")?,
        asyncio_task: native.get(c"Task")?,
        asyncio_handle: events.get(c"Handle")?,
        asyncio_timer_handle: events.get(c"TimerHandle")?,
        #[cfg(Py_3_14)]
        asyncio_threadsafe_handle: events.get(c"_ThreadSafeHandle")?,
        asyncio_transport: import(c"asyncio.selector_events")?.get(c"_SelectorSocketTransport")?,
        context_layout: ContextLayout::find()?,
        timeout_error: exceptions.get(c"TimeoutError")?,
        cancelled_error: exceptions.get(c"CancelledError")?,
        invalid_state_error: exceptions.get(c"InvalidStateError")?,
        loop_of_future: import(c"asyncio.futures")?.get(c"_get_loop")?,
        log_on_exception: optional(&tasks, c"_log_on_exception"),
        isfuture: import(c"asyncio.futures")?.get(c"isfuture")?,
        iscoroutine: import(c"asyncio.coroutines")?.get(c"iscoroutine")?,
        get_event_loop: events.get(c"get_event_loop")?,
        future_repr_info: import(c"asyncio.base_futures")?.get(c"_future_repr_info")?,
        format_helpers: import(c"asyncio.format_helpers")?,
        wraps_stop_iteration: wraps_stop_iteration()?,
        task_repr_info: base_tasks.get(c"_task_repr_info")?,
        task_callbacks: task::Callbacks::new(),
        task_get_stack: base_tasks.get(c"_task_get_stack")?,
        task_print_stack: base_tasks.get(c"_task_print_stack")?,
        register_task: tasks.get(c"_register_task")?,
        enter_task: tasks.get(c"_enter_task")?,
        leave_task: tasks.get(c"_leave_task")?,
        #[cfg(not(Py_3_14))]
        current_tasks: optional(&native, c"_current_tasks"),
        #[cfg(Py_3_14)]
        running_task_layout: match &swap_current_task {
            Some(swap) => {
                let (get, set) = (c"_get_running_loop", c"_set_running_loop");
                RunningTaskLayout::find(&native.get(get)?, &native.get(set)?, swap)?
            }
            None => None,
        },
        swap_current_task,
        register_eager_task: optional(&tasks, c"_register_eager_task"),
        unregister_eager_task: optional(&tasks, c"_unregister_eager_task"),
        generic_alias: import(c"types")?.get(c"GenericAlias")?,
        kw_context: tuple(&[names.context.as_ptr()])?,
        transport_type: transport::make_type()?,
        sock_call_type: sock_call::make_type()?,
        operation_type: operation::make_type()?,
        ready: ready::make()?,
        #[cfg(not(Py_3_12))]
        running_holder: RunningHolder::find(
            &native.get(c"_get_running_loop")?,
            &native.get(c"_set_running_loop")?,
        )?,
        get_running_loop: Builtin::new(native.get(c"_get_running_loop")?),
        current_task: tasks.get(c"current_task")?,
        lock_class,
        deque: import(c"collections")?.get(c"deque")?,
        heappush: import(c"heapq")?.get(c"heappush")?,
        heappop: import(c"heapq")?.get(c"heappop")?,
        queue_empty: errors.get(c"QueueEmpty")?,
        queue_full: errors.get(c"QueueFull")?,
        timeout_error_class: errors.get(c"TimeoutError")?,
        base_exception_group: errors.get(c"BaseExceptionGroup")?,
        exception_group: errors.get(c"ExceptionGroup")?,
        task_group_closes: task_group_closes()?,
        asyncio_gather: tasks.get(c"gather")?,
        ensure_future: tasks.get(c"ensure_future")?,
        gathering_type: gathering::make_type(future_type)?,
        #[cfg(not(Py_3_14))]
        embedded_type: context_methods::make_embedded_type()?,
        #[cfg(not(Py_3_14))]
        descriptor_type: context_methods::make_descriptor_type()?,
        timeout_type: timeout::make_type()?,
        queue_shut_down: errors.get(c"QueueShutDown")?,
        give_way,
        await_by_coroutine: coroutines.get(c"await_it")?,
        cr_await: crate::ffi::find_cr_await()?,
        innermost_timeout: notes.get(c"innermost_timeout")?,
        describe_await: notes.get(c"describe_await")?,
        note_timeout: notes.get(c"note_timeout")?,
        note_failure: notes.get(c"note_failure")?,
        enter_by_methods: coroutines.get(c"enter")?,
        #[cfg(Py_3_14)]
        add_to_awaited_by: native.get(c"future_add_to_awaited_by")?,
        #[cfg(Py_3_14)]
        discard_from_awaited_by: native.get(c"future_discard_from_awaited_by")?,
        derived_transports: derived_transports::Classes::make()?,
        logger: import(c"asyncio.log")?.get(c"logger")?,
        buffered_protocol: import(c"asyncio.protocols")?.get(c"BufferedProtocol")?,
        set_result_unless_cancelled: import(c"asyncio.futures")?
            .get(c"_set_result_unless_cancelled")?,
        transport_socket: import(c"asyncio.trsock")?.get(c"TransportSocket")?,
        create_task_takes_any: {
            let base = import(c"asyncio.base_events")?.get(c"BaseEventLoop")?;
            let code = base.get(c"create_task")?.get(c"__code__")?;
            to_int(&code.get(c"co_flags")?)? & i64::from(ffi::CO_VARKEYWORDS) != 0
        },
        set_write_buffer_limits: import(c"asyncio.transports")?
            .get(c"_FlowControlMixin")?
            .get(c"_set_write_buffer_limits")?,
        simple_namespace: import(c"types")?.get(c"SimpleNamespace")?,
        check_ssl_socket: import(c"asyncio.base_events")?.get(c"_check_ssl_socket")?,
        warn: import(c"warnings")?.get(c"warn")?,
        socket_class: import(c"socket")?.get(c"socket")?,
        socket_layout: SocketLayout::find()?,
        streams: crate::net::streams::Classes::load()?,
        names,
    })
}

/// Asks asyncio's own Python code: only a future that wraps names RuntimeError.
fn wraps_stop_iteration() -> Res<bool> {
    let future = import(c"asyncio.futures")?.get(c"_PyFuture")?;
    names(&future.get(c"set_exception")?, "RuntimeError")
}

/// The first releases of 3.11 and 3.12 leave a coroutine alone that their task group refuses; later ones close it.
fn task_group_closes() -> Res<bool> {
    if !cfg!(Py_3_11) {
        return Ok(true);
    }
    let group = import(c"asyncio.taskgroups")?.get(c"TaskGroup")?;
    names(&group.get(c"create_task")?, "close")
}

/// Whether a function of Python names a global or an attribute.
fn names(function: &Obj, name: &str) -> Res<bool> {
    let names = function.get(c"__code__")?.get(c"co_names")?;
    let name = crate::ffi::string(name)?;
    // SAFETY: a tuple of strings and a string; -1 means raised.
    match unsafe { ffi::PySequence_Contains(names.as_ptr(), name.as_ptr()) } {
        -1 => Err(crate::ffi::Raised),
        found => Ok(found == 1),
    }
}

/// Add the raw types to the module.
pub fn export_types(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let state = state();
    for (name, tp) in [
        ("Future", state.future_type),
        ("Task", state.task_type),
        ("Handle", state.handle_type),
        ("TimerHandle", state.timer_handle_type),
        ("_SelectorSocketTransport", state.transport_type),
        ("Operation", state.operation_type),
        ("Timeout", state.timeout_type),
    ] {
        // SAFETY: the types live for ever.
        let tp = unsafe { Obj::shared(tp.cast()) };
        module.add(name, tp.bound(module.py()))?;
    }
    #[cfg(Py_3_14)]
    future::call_graph::export(module)?;
    for (name, class) in &state.derived_transports.classes {
        module.add(*name, class.bound(module.py()))?;
    }
    Ok(())
}

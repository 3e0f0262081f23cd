//! The hot types as raw CPython objects: handles, futures, tasks.
//!
//! Every object here is a `#[repr(C)]` struct that starts with `PyObject`, made from a `PyType_Spec`. Methods take
//! `&Self`: fields are `Cell`s and [`Slot`](crate::ffi::Slot)s, so no exclusive borrow can be live when user code is called.
//! An `unsafe` block in this folder relies on one of two facts unless it says otherwise: CPython calls a slot or a method
//! with a live object of the type that it belongs to, and with the GIL held.

pub mod args;
pub mod buffer;
pub mod class_methods;
pub mod context_methods;
pub mod coroutine;
pub mod derived_transports;
pub mod entry;
pub mod freelist;
pub mod future;
pub mod future_iter;
pub mod gathering;
pub mod handle;
pub mod operation;
pub mod ready;
pub mod sock_call;
pub mod stop;
pub mod task;
pub mod timeout;
pub mod transport;
pub mod typespec;

//! What Python sees of the queues.

use pyo3::types::{PyDict, PyTuple, PyType};

use super::*;
use crate::core::class_methods::{fastcall_of, noargs_of};
use crate::core::operation::new_operation;
use crate::core::typespec::add_to;
use crate::ffi::{drop_empty_dict, list, obj, type_name};
use crate::primitives::waiters::visit_slot;
use crate::primitives::{copying, refuse_loop};

#[pymethods]
impl Queue {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **kwargs), text_signature = "(maxsize=0)")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Queue> {
        refuse_loop(class, kwargs)?;
        Ok(Queue::with(Order::Fifo))
    }

    #[pyo3(signature = (maxsize=None))]
    fn __init__(slf: &Bound<'_, Self>, maxsize: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        drop_empty_dict(slf.as_any());
        Ok(slf.get().init(&obj(slf.as_any()), maxsize.map(obj))?)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = obj(slf.as_any());
        let format: String = slf.call_method0("_format")?.extract()?;
        let address = this.as_ptr();
        Ok(format!("<{} at {address:p} {format}>", type_name(&this)?))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let format: String = slf.call_method0("_format")?.extract()?;
        Ok(format!("<{} {format}>", type_name(&obj(slf.as_any()))?))
    }

    #[classmethod]
    #[pyo3(signature = (r#type, /))]
    fn __class_getitem__(
        class: &Bound<'_, PyType>,
        r#type: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let alias = &state().generic_alias;
        Ok(alias.call(&[class.as_ptr(), r#type.as_ptr()])?.into())
    }

    fn _format(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(slf.get().format(&obj(slf.as_any()))?)
    }

    /// Make what keeps the items; a subclass may keep them in something else.
    fn _init(&self, maxsize: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = maxsize;
        let items = &self.0.items;
        items.set_container(items.new_container(&list(&[])?)?);
        Ok(())
    }

    fn _get(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, queue) = (obj(slf.as_any()), slf.get());
        if queue.0.items.are_native() {
            return Ok(queue.take(&this)?.into());
        }
        let container = queue.container(&this)?;
        Ok(match queue.0.items.order {
            Order::Fifo => container.get(c"popleft")?.call0()?,
            Order::Lifo => container.get(c"pop")?.call0()?,
            Order::Priority => state().heappop.call1(&container)?,
        }
        .into())
    }

    fn _put(slf: &Bound<'_, Self>, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let (this, queue, item) = (obj(slf.as_any()), slf.get(), obj(item));
        if queue.0.items.are_native() {
            return Ok(queue.0.items.push(item)?);
        }
        let container = queue.container(&this)?;
        match queue.0.items.order {
            Order::Priority => state()
                .heappush
                .call(&[container.as_ptr(), item.as_ptr()])?,
            _ => container.get(c"append")?.call1(&item)?,
        };
        Ok(())
    }

    /// How many items the queue takes; zero and less for any number.
    #[getter]
    fn maxsize(&self) -> Py<PyAny> {
        self.0.maxsize.get_or_none().into()
    }

    #[getter]
    fn _maxsize(&self) -> Py<PyAny> {
        self.0.maxsize.get_or_none().into()
    }

    #[setter(_maxsize)]
    fn set_maxsize(&self, maxsize: &Bound<'_, PyAny>) -> PyResult<()> {
        self.show()?;
        self.0.maxsize.set(obj(maxsize));
        Ok(())
    }

    #[getter]
    fn _queue(&self) -> PyResult<Py<PyAny>> {
        Ok(self.show()?.into())
    }

    #[setter(_queue)]
    fn set_queue(&self, queue: &Bound<'_, PyAny>) {
        self.0.items.set_container(obj(queue));
    }

    #[getter]
    fn _unfinished_tasks(&self) -> i64 {
        self.0.unfinished.get()
    }

    #[setter(_unfinished_tasks)]
    fn set_unfinished_tasks(&self, count: i64) {
        self.0.unfinished.set(count);
    }

    #[getter]
    fn _is_shutdown(&self) -> bool {
        self.0.is_shut_down.get()
    }

    #[getter]
    fn _getters(&self) -> PyResult<Py<PyAny>> {
        Ok(self.0.getters.show()?.into())
    }

    #[getter]
    fn _putters(&self) -> PyResult<Py<PyAny>> {
        Ok(self.0.putters.show()?.into())
    }

    #[getter]
    fn _loop(&self) -> Py<PyAny> {
        self.0.bound.slot().get_or_none().into()
    }

    #[setter(_loop)]
    fn set_loop(&self, loop_: &Bound<'_, PyAny>) {
        self.0.bound.slot().set(obj(loop_));
    }

    fn _get_loop(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(slf.get().0.bound.get_loop(&obj(slf.as_any()))?.into())
    }

    /// Make `put` and, once nothing is left, `get` raise `QueueShutDown`; with `immediate` what is left is thrown away.
    #[pyo3(signature = (immediate=None), text_signature = "($self, immediate=False)")]
    fn shutdown(slf: &Bound<'_, Self>, immediate: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let immediate = immediate.map_or(Ok(false), |value| value.is_truthy())?;
        Ok(slf.get().shut_down(&obj(slf.as_any()), immediate)?)
    }

    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, state) = (obj(slf.as_any()), &slf.get().0);
        let kept = [
            state.maxsize.get_or_none(),
            slf.get().contents(&this)?,
            int(state.unfinished.get())?,
            Obj::bool(state.is_shut_down.get()),
        ];
        Ok(copying::state_of(
            &this,
            &state.bound,
            &[&state.getters, &state.putters, &state.joiners],
            &kept,
        )?
        .into())
    }

    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let (this, own) = (obj(slf.as_any()), &slf.get().0);
        let [maxsize, items, unfinished, is_shut_down] =
            copying::restore(&this, &own.bound, &obj(state))?;
        own.unfinished.set(unfinished.bound(slf.py()).extract()?);
        own.is_shut_down.set(is_shut_down.truth()?);
        slf.get().init(&this, Some(maxsize))?;
        slf.get().fill(&this, &items)?;
        Ok(())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.0.bound.visit(&visit)?;
        self.0.items.visit(&visit)?;
        visit_slot(&self.0.maxsize, &visit)?;
        for waiters in [&self.0.getters, &self.0.putters, &self.0.joiners] {
            waiters.visit(&visit)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        for waiters in [&self.0.getters, &self.0.putters, &self.0.joiners] {
            waiters.clear();
        }
        self.0.items.clear();
        self.0.bound.slot().clear();
    }
}

#[pymethods]
impl LifoQueue {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(maxsize=0)")]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<LifoQueue> {
        PyClassInitializer::from(Queue::with(Order::Lifo)).add_subclass(LifoQueue)
    }
}

#[pymethods]
impl PriorityQueue {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(maxsize=0)")]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<PriorityQueue> {
        PyClassInitializer::from(Queue::with(Order::Priority)).add_subclass(PriorityQueue)
    }
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<Queue>());
    let methods = [
        noargs_of(
            c"qsize",
            |object, queue: &Queue| int(queue.len(object)? as i64),
            c"qsize($self)\n--\n\nReturn the number of items in the queue.",
        ),
        noargs_of(
            c"empty",
            |object, queue: &Queue| match queue.0.items.are_native() {
                true => Ok(Obj::bool(queue.0.items.len() == 0)),
                false => Ok(Obj::bool(!queue.container(object)?.truth()?)),
            },
            c"empty($self)\n--\n\nReturn True if there are no items.",
        ),
        noargs_of(
            c"full",
            |object, queue: &Queue| {
                if queue.0.items.are_native() {
                    return Ok(Obj::bool(queue.0.items.is_full()));
                }
                let maxsize = queue.0.maxsize.get_or_none();
                if maxsize.at_most(&int(0)?)? {
                    return Ok(Obj::bool(false));
                }
                let size = object.get(c"qsize")?.call0()?;
                Ok(Obj::bool(maxsize.at_most(&size)?))
            },
            c"full($self)\n--\n\nReturn True if there are maxsize items; never without a limit.",
        ),
        fastcall_of(
            c"put",
            |object, _: &Queue, args| {
                let item = args.of("Queue.put").only("item")?;
                new_operation(&PUT, object.clone(), Some(item.clone()))
            },
            c"put($self, item)\n--\n\nWait until there is room, and put the item into the queue.\n\nCancelled while it waits, it has put nothing. QueueShutDown: the queue has been shut down.",
        ),
        noargs_of(
            c"get",
            |object, _: &Queue| new_operation(&GET, object.clone(), None),
            c"get($self)\n--\n\nWait until there is an item, remove and return it.\n\nCancelled while it waits, it has taken nothing. QueueShutDown: the queue has been shut down, and nothing is left.",
        ),
        fastcall_of(
            c"put_nowait",
            |object, queue: &Queue, args| {
                let item = args.of("Queue.put_nowait").only("item")?;
                queue.put_nowait(object, item).map(|()| Obj::none())
            },
            c"put_nowait($self, item)\n--\n\nPut the item into the queue. QueueFull: there is no room. QueueShutDown: it has been shut down.",
        ),
        noargs_of(
            c"get_nowait",
            |object, queue: &Queue| queue.get_nowait(object),
            c"get_nowait($self)\n--\n\nRemove and return an item. QueueEmpty: there is none. QueueShutDown: and there will be none.",
        ),
        noargs_of(
            c"task_done",
            |_, queue: &Queue| queue.task_done().map(|()| Obj::none()),
            c"task_done($self)\n--\n\nSay that an item that was got is dealt with. ValueError: more often than items were put.",
        ),
        noargs_of(
            c"join",
            |object, _: &Queue| new_operation(&JOIN, object.clone(), None),
            c"join($self)\n--\n\nWait until every item that was put is dealt with.",
        ),
    ];
    Ok(add_to(&class, methods)?)
}

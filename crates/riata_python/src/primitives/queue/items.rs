//! The items of a queue of an exact class. A queue of a subclass, and one whose `_queue` somebody has looked at, keeps them in
//! its attribute, as asyncio's do.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use pyo3::{PyTraverseError, PyVisit};

use crate::ffi::{Obj, Res, Slot, drop_deep, iterate, list, list_len, list_of};
use crate::primitives::waiters::visit_slot;
use crate::state::state;

/// In which order a class gives its items.
#[derive(Copy, Clone, Eq, PartialEq)]
pub enum Order {
    Fifo,
    Lifo,
    Priority,
}

pub struct Items {
    pub order: Order,
    /// Whether they are here; otherwise methods and `container` have them.
    native: Cell<bool>,
    /// A plain number of items that is the limit, rounded up; the greatest number for none.
    limit: Cell<usize>,
    items: RefCell<VecDeque<Obj>>,
    /// The list that a heap is in, and what is shown as `_queue`.
    container: Slot,
}

impl Items {
    pub fn new(order: Order) -> Items {
        Items {
            order,
            native: Cell::new(false),
            limit: Cell::new(usize::MAX),
            items: RefCell::default(),
            container: Slot::empty(),
        }
    }

    #[inline]
    pub fn are_native(&self) -> bool {
        self.native.get()
    }

    /// Begin empty, here if that is possible, with a limit that is a plain number or is not.
    pub fn begin(&self, native: bool, limit: Option<f64>) -> Res<()> {
        self.limit.set(match limit {
            Some(number) if number > 0.0 => number.ceil() as usize,
            _ => usize::MAX,
        });
        self.native.set(native && limit.is_some());
        if self.native.get() {
            let items = self.items.take();
            drop(items);
            if self.order == Order::Priority {
                self.container.set(list(&[])?);
            }
        }
        Ok(())
    }

    // The rest is for items that are here.

    #[inline]
    pub fn len(&self) -> usize {
        match self.order {
            Order::Priority => self.heap_len(),
            _ => self.items.borrow().len(),
        }
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.len() >= self.limit.get()
    }

    #[inline]
    pub fn push(&self, item: Obj) -> Res<()> {
        if self.order == Order::Priority {
            return self.push_heap(item);
        }
        self.items.borrow_mut().push_back(item);
        Ok(())
    }

    /// The next one, if there is one.
    #[inline]
    pub fn pop(&self) -> Res<Option<Obj>> {
        match self.order {
            Order::Fifo => Ok(self.items.borrow_mut().pop_front()),
            Order::Lifo => Ok(self.pop_back()),
            Order::Priority => self.pop_heap(),
        }
    }

    // Apart, so that the common order is short where it is used.

    #[inline(never)]
    fn pop_back(&self) -> Option<Obj> {
        self.items.borrow_mut().pop_back()
    }

    #[inline(never)]
    fn heap_len(&self) -> usize {
        self.container.get().map_or(0, |heap| list_len(&heap))
    }

    #[inline(never)]
    fn push_heap(&self, item: Obj) -> Res<()> {
        let heap = self.container.get_or_none();
        let args = [heap.as_ptr(), item.as_ptr()];
        state().heappush.call(&args).map(drop)
    }

    #[inline(never)]
    fn pop_heap(&self) -> Res<Option<Obj>> {
        if self.heap_len() == 0 {
            return Ok(None);
        }
        state()
            .heappop
            .call1(&self.container.get_or_none())
            .map(Some)
    }

    /// A list of them.
    pub fn listed(&self) -> Res {
        if self.order == Order::Priority {
            return list_of(&self.container.get_or_none());
        }
        let items: Vec<Obj> = self.items.borrow().iter().cloned().collect();
        list(&items)
    }

    /// Take what `listed` has given.
    pub fn fill(&self, items: &Obj) -> Res<()> {
        for item in iterate(items)? {
            self.push(item)?;
        }
        Ok(())
    }

    // The attribute.

    /// What asyncio keeps: from here on the items are where everybody can see and change them.
    pub fn show(&self) -> Res<Option<Obj>> {
        if self.native.get() {
            self.native.set(false);
            if self.order != Order::Priority {
                let items: Vec<Obj> = self.items.take().into();
                self.container.set(self.new_container(&list(&items)?)?);
            }
        }
        Ok(self.container.get())
    }

    pub fn set_container(&self, container: Obj) {
        self.native.set(false);
        self.container.set(container);
    }

    /// What asyncio keeps items in, for a queue of this order.
    pub fn new_container(&self, items: &Obj) -> Res {
        match self.order {
            Order::Fifo => state().deque.call1(items),
            _ => Ok(items.clone()),
        }
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit_slot(&self.container, visit)?;
        if let Ok(items) = self.items.try_borrow() {
            for item in items.iter() {
                visit.call(item.as_py())?;
            }
        }
        Ok(())
    }

    pub fn clear(&self) {
        for item in self.items.take() {
            drop_deep(item);
        }
        if let Some(container) = self.container.take() {
            drop_deep(container);
        }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        self.clear();
    }
}

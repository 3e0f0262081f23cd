//! Calls that are known to block, and do not where they stand: what they wait for is there.

use std::net::IpAddr;

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::context::{Context, Value, last};
use crate::knowledge::BlockKind;
use crate::names::{Binding, ScopeId};
use crate::uses;

impl Context<'_> {
    pub(crate) fn is_harmless(
        &self,
        name: &str,
        kind: BlockKind,
        call: &ast::ExprCall,
        scope: ScopeId,
    ) -> bool {
        match kind {
            BlockKind::Disk => is_archive(name) && self.is_in_memory(call, scope),
            BlockKind::Dns => call
                .arguments
                .args
                .first()
                .is_some_and(|host| is_address(last(name), host)),
            BlockKind::Network if name == "socket.socket.connect" => self.is_datagram(call, scope),
            BlockKind::Thread if name.ends_with(".acquire") => self.is_new(call, scope),
            BlockKind::Thread if name.ends_with("Thread.join") => self.has_ended(call, scope),
            BlockKind::Process if name.ends_with("Popen.wait") => self.was_killed(call, scope),
            _ => false,
        }
    }

    /// Whether a call is given a buffer, and not a file.
    pub(crate) fn is_in_memory(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let is_buffer = |value: &Expr| match self.value(value, scope) {
            Value::Instance(class) => matches!(last(&class.name), "BytesIO" | "StringIO"),
            _ => false,
        };
        call.arguments.args.iter().any(is_buffer)
            || call
                .arguments
                .keywords
                .iter()
                .any(|keyword| is_buffer(&keyword.value))
    }

    /// Of a socket for datagrams `connect` only notes the address.
    fn is_datagram(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let Expr::Attribute(attribute) = &*call.func else {
            return false;
        };
        let Some(socket) = attribute.value.as_name_expr() else {
            return false;
        };
        let Some((_, bindings)) = self.names().lookup(socket.id.as_str(), scope) else {
            return false;
        };
        bindings.iter().any(|binding| match binding {
            Binding::Value(made) | Binding::With { value: made, .. } => {
                self.source(*made).contains("SOCK_DGRAM")
            }
            _ => false,
        })
    }

    /// `lock = threading.Lock(); lock.acquire()`: nobody else has it yet.
    fn is_new(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let Expr::Attribute(attribute) = &*call.func else {
            return false;
        };
        let Some(lock) = attribute.value.as_name_expr() else {
            return false;
        };
        let Some((found_in, bindings)) = self.names().lookup(lock.id.as_str(), scope) else {
            return false;
        };
        let here = |scope| self.names().enclosing_function(scope).map(|(id, _)| id);
        here(found_in).is_some()
            && here(found_in) == here(scope)
            && matches!(bindings, [Binding::Value(Expr::Call(made))] if uses::called_name(made).ends_with("Lock"))
    }

    /// `while thread.is_alive(): await …` before the `join`; or the thread told the loop that it is done, as the last thing
    /// that it does, and that was awaited.
    fn has_ended(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let Expr::Attribute(attribute) = &*call.func else {
            return false;
        };
        let Some((_, function)) = self.names().enclosing_function(scope) else {
            return false;
        };
        let thread = self.source(&*attribute.value);
        let mut asked = false;
        let mut awaited = false;
        uses::exprs(&function.body, false, &mut |expr| match expr {
            Expr::Call(found) if found.start() < call.start() => {
                asked |= matches!(&*found.func, Expr::Attribute(method)
                    if method.attr.as_str() == "is_alive" && self.source(&*method.value) == thread);
            }
            Expr::Await(found) => awaited |= found.start() < call.start(),
            _ => {}
        });
        awaited && (asked || self.tells_loop(&attribute.value, scope))
    }

    fn tells_loop(&self, thread: &Expr, scope: ScopeId) -> bool {
        let Some(name) = thread.as_name_expr() else {
            return false;
        };
        let Some((_, [Binding::Value(Expr::Call(made))])) =
            self.names().lookup(name.id.as_str(), scope)
        else {
            return false;
        };
        let Some(target) = made
            .arguments
            .find_keyword("target")
            .and_then(|target| target.value.as_name_expr())
        else {
            return false;
        };
        let Some((_, [Binding::Function(run)])) = self.names().lookup(target.id.as_str(), scope)
        else {
            return false;
        };
        self.source(*run).contains("call_soon_threadsafe(")
    }

    /// `process.kill()` before the `wait`: it is only fetched.
    fn was_killed(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let Expr::Attribute(attribute) = &*call.func else {
            return false;
        };
        let Some((_, function)) = self.names().enclosing_function(scope) else {
            return false;
        };
        let process = self.source(&*attribute.value);
        let mut killed = false;
        uses::exprs(&function.body, false, &mut |expr| {
            if let Expr::Call(found) = expr
                && found.start() < call.start()
                && let Expr::Attribute(method) = &*found.func
                && method.attr.as_str() == "kill"
            {
                killed |= process.starts_with(self.source(&*method.value));
            }
        });
        killed
    }
}

/// What packs and unpacks, and takes a buffer as well as a path.
fn is_archive(name: &str) -> bool {
    [
        "zipfile.",
        "tarfile.",
        "gzip.",
        "bz2.",
        "lzma.",
        "wave.",
        "PIL.Image.open",
        "mutagen.",
    ]
    .iter()
    .any(|module| name.starts_with(module))
}

/// An address that needs no name server to be found.
fn is_address(function: &str, host: &Expr) -> bool {
    let text = match host {
        Expr::Tuple(address) => address
            .elts
            .first()
            .and_then(|host| host.as_string_literal_expr()),
        _ => host.as_string_literal_expr(),
    };
    let Some(address) = text.and_then(|text| text.value.to_str().parse::<IpAddr>().ok()) else {
        return false;
    };
    match function {
        "getaddrinfo" | "gethostbyname" | "gethostbyname_ex" => true,
        // It asks for the name of the address.
        _ => address.is_loopback(),
    }
}

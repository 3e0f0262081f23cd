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
            BlockKind::Disk if name == "ssl.create_default_context" => {
                !self.loads_certificates(call, scope)
            }
            BlockKind::Disk if name.starts_with("httpx.") => has_transport(call),
            BlockKind::Disk => is_archive(name) && self.is_in_memory(call, scope),
            BlockKind::Import => is_import_by_name(name) && !self.is_one_of_many(call, scope),
            BlockKind::Dns => call.arguments.args.first().is_some_and(|host| {
                is_address(last(name), host) || self.is_local(host, call, scope)
            }),
            BlockKind::Network if name == "socket.socket.connect" => self.is_datagram(call, scope),
            BlockKind::Thread if name.ends_with(".acquire") => self.is_new(call, scope),
            BlockKind::Thread if name.ends_with("Thread.join") => self.has_ended(call, scope),
            BlockKind::Process if name.ends_with("Popen.wait") => self.was_killed(call, scope),
            _ => false,
        }
    }

    /// Whether `ssl.create_default_context` reads any: for a server, which asks for none of its clients, it does not.
    fn loads_certificates(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let arguments = &call.arguments;
        let named = |name: &str| {
            arguments
                .find_keyword(name)
                .is_some_and(|keyword| !keyword.value.is_none_literal_expr())
        };
        if named("cafile") || named("capath") || arguments.args.len() > 1 {
            return true;
        }
        if named("cadata") {
            return false;
        }
        let purpose = arguments
            .find_keyword("purpose")
            .map(|keyword| &keyword.value)
            .or_else(|| arguments.args.first());
        let Some(purpose) = purpose else {
            return true;
        };
        let is_for_server = |value: &Expr| self.source(value).ends_with("CLIENT_AUTH");
        if is_for_server(purpose) {
            return false;
        }
        let Expr::Name(name) = purpose else {
            return true;
        };
        let Some((_, function)) = self.names().enclosing_function(scope) else {
            return true;
        };
        !function
            .parameters
            .iter_non_variadic_params()
            .filter(|parameter| parameter.name() == name.id.as_str())
            .filter_map(|parameter| parameter.default.as_deref())
            .any(is_for_server)
    }

    /// An import of a module whose name is put together: each call may load another one. One that a constant or a setting
    /// names is loaded once.
    fn is_one_of_many(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let is_put_together = |value: &Expr| {
            matches!(value, Expr::FString(_) | Expr::BinOp(_))
                || matches!(value, Expr::Call(call) if matches!(uses::called_name(call), "format" | "join"))
        };
        match call.arguments.args.first() {
            Some(Expr::Name(name)) => {
                self.names()
                    .lookup(name.id.as_str(), scope)
                    .is_some_and(|(_, bindings)| {
                        bindings.iter().any(|binding| {
                        matches!(binding, Binding::Value(value) if is_put_together(value))
                    })
                    })
            }
            Some(value) => is_put_together(value),
            None => false,
        }
    }

    /// `"localhost"`, and what is asked for only where it is that.
    fn is_local(&self, host: &Expr, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let is_localhost = |value: &Expr| matches!(value, Expr::StringLiteral(text) if text.value.to_str() == "localhost");
        if is_localhost(host) {
            return true;
        }
        let Some((_, function)) = self.names().enclosing_function(scope) else {
            return false;
        };
        let asked = self.source(host);
        let mut found = false;
        uses::stmts(&function.body, &mut |stmt| {
            if let ast::Stmt::If(branch) = stmt
                && branch
                    .body
                    .iter()
                    .any(|stmt| stmt.range().contains_range(call.range()))
                && let Expr::Compare(compare) = &*branch.test
                && matches!(&*compare.ops, [ast::CmpOp::Eq])
            {
                found |= self.source(&*compare.left) == asked
                    && compare.comparators.iter().any(is_localhost);
            }
        });
        found
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

/// Whether a client of `httpx` is given what it connects with, or may be: it reads no certificates then.
fn has_transport(call: &ast::ExprCall) -> bool {
    call.arguments
        .keywords
        .iter()
        .any(|keyword| match &keyword.arg {
            Some(name) => name.as_str() == "transport" && !keyword.value.is_none_literal_expr(),
            None => true,
        })
}

/// What asks for a module that is loaded already the second time.
fn is_import_by_name(name: &str) -> bool {
    matches!(
        name,
        "importlib.import_module"
            | "importlib.__import__"
            | "builtins.__import__"
            | "importlib.metadata.EntryPoint.load"
            | "pkgutil.resolve_name"
    )
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

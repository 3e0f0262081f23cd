//! The methods that Python calls by itself for operators, subscripts, truth tests and builtins: `value[key]`, `if value:`,
//! `len(value)`.
//!
//! Entering and iterating are events of their own: see `body`.

use ruff_python_ast::{self as ast, CmpOp, Expr, ExprContext, Operator, Stmt, UnaryOp};

/// The methods of which the first that a class has is called.
pub(crate) type Methods = &'static [&'static str];

const TRUTH: Methods = &["__bool__", "__len__"];
const TEXT: Methods = &["__str__", "__repr__"];
const FORMATTED: Methods = &["__format__", "__str__", "__repr__"];

/// Tell `seen` the values of whose classes a statement calls methods by itself, those of the expressions in it left out.
pub(crate) fn of_stmt<'a>(stmt: &'a Stmt, seen: &mut dyn FnMut(&'a Expr, Methods)) {
    match stmt {
        Stmt::If(branch) => {
            tested(&branch.test, seen);
            for clause in &branch.elif_else_clauses {
                if let Some(test) = &clause.test {
                    tested(test, seen);
                }
            }
        }
        Stmt::While(each) => tested(&each.test, seen),
        Stmt::Assert(assert) => tested(&assert.test, seen),
        Stmt::AugAssign(assign) => seen(&assign.target, operator(assign.op).2),
        _ => {}
    }
}

/// The same for an expression. Of a chain of comparisons each value is the left one of the next.
pub(crate) fn of_expr<'a>(expr: &'a Expr, seen: &mut dyn FnMut(&'a Expr, Methods)) {
    match expr {
        Expr::Subscript(subscript) => {
            let methods: Methods = match subscript.ctx {
                ExprContext::Store => &["__setitem__"],
                ExprContext::Del => &["__delitem__"],
                _ => &["__getitem__", "__class_getitem__"],
            };
            seen(&subscript.value, methods);
        }
        Expr::BinOp(operation) => {
            let (left, right, _) = operator(operation.op);
            seen(&operation.left, left);
            seen(&operation.right, right);
        }
        Expr::UnaryOp(operation) => match operation.op {
            UnaryOp::Not => tested(&operation.operand, seen),
            UnaryOp::USub => seen(&operation.operand, &["__neg__"]),
            UnaryOp::UAdd => seen(&operation.operand, &["__pos__"]),
            UnaryOp::Invert => seen(&operation.operand, &["__invert__"]),
        },
        Expr::BoolOp(operation) => {
            if let Some((_, before)) = operation.values.split_last() {
                before.iter().for_each(|value| tested(value, seen));
            }
        }
        Expr::If(choice) => tested(&choice.test, seen),
        Expr::Compare(compare) => {
            let mut left = &*compare.left;
            for (op, right) in compare.ops.iter().zip(&compare.comparators) {
                compared(left, *op, right, seen);
                left = right;
            }
        }
        Expr::FString(text) => {
            for element in text.value.elements() {
                if let ast::InterpolatedStringElement::Interpolation(part) = element {
                    let methods = match part.conversion {
                        ast::ConversionFlag::None => FORMATTED,
                        ast::ConversionFlag::Str => TEXT,
                        ast::ConversionFlag::Ascii | ast::ConversionFlag::Repr => &["__repr__"],
                    };
                    seen(&part.expression, methods);
                }
            }
        }
        Expr::Call(call) => {
            if let Expr::Name(function) = &*call.func {
                let given = call.arguments.args.iter();
                let methods: Methods = match function.id.as_str() {
                    "len" => &["__len__"],
                    "bool" => TRUTH,
                    "str" | "print" => TEXT,
                    "repr" => &["__repr__"],
                    "format" => FORMATTED,
                    "hash" => &["__hash__"],
                    "abs" => &["__abs__"],
                    "int" => &["__int__", "__index__"],
                    "float" => &["__float__", "__index__"],
                    "bytes" => &["__bytes__"],
                    "next" => &["__next__"],
                    "iter" => &["__iter__"],
                    "reversed" => &["__reversed__"],
                    _ => return,
                };
                let most = if function.id == "print" {
                    usize::MAX
                } else {
                    1
                };
                given.take(most).for_each(|value| seen(value, methods));
            }
        }
        _ => {}
    }
}

/// What is asked for a truth value, where no operator gives one.
pub(crate) fn tested<'a>(test: &'a Expr, seen: &mut dyn FnMut(&'a Expr, Methods)) {
    match test {
        Expr::BoolOp(operation) => {
            // Those before it are told where it stands itself.
            if let Some(last) = operation.values.last() {
                tested(last, seen);
            }
        }
        Expr::Compare(_) | Expr::UnaryOp(_) => {}
        _ => seen(test, TRUTH),
    }
}

fn compared<'a>(
    left: &'a Expr,
    op: CmpOp,
    right: &'a Expr,
    seen: &mut dyn FnMut(&'a Expr, Methods),
) {
    let (of_left, of_right): (Methods, Methods) = match op {
        CmpOp::Eq => (&["__eq__"], &["__eq__"]),
        CmpOp::NotEq => (&["__ne__", "__eq__"], &["__ne__", "__eq__"]),
        CmpOp::Lt => (&["__lt__"], &["__gt__"]),
        CmpOp::LtE => (&["__le__"], &["__ge__"]),
        CmpOp::Gt => (&["__gt__"], &["__lt__"]),
        CmpOp::GtE => (&["__ge__"], &["__le__"]),
        CmpOp::In | CmpOp::NotIn => (&[], &["__contains__", "__iter__"]),
        CmpOp::Is | CmpOp::IsNot => return,
    };
    seen(left, of_left);
    // A comparison with a constant asks the other value.
    if !right.is_literal_expr() {
        seen(right, of_right);
    }
}

/// The methods of the left value, of the right one, and of one that is assigned to.
fn operator(op: Operator) -> (Methods, Methods, Methods) {
    match op {
        Operator::Add => (&["__add__"], &["__radd__"], &["__iadd__", "__add__"]),
        Operator::Sub => (&["__sub__"], &["__rsub__"], &["__isub__", "__sub__"]),
        Operator::Mult => (&["__mul__"], &["__rmul__"], &["__imul__", "__mul__"]),
        Operator::MatMult => (
            &["__matmul__"],
            &["__rmatmul__"],
            &["__imatmul__", "__matmul__"],
        ),
        Operator::Div => (
            &["__truediv__"],
            &["__rtruediv__"],
            &["__itruediv__", "__truediv__"],
        ),
        Operator::Mod => (&["__mod__"], &["__rmod__"], &["__imod__", "__mod__"]),
        Operator::Pow => (&["__pow__"], &["__rpow__"], &["__ipow__", "__pow__"]),
        Operator::LShift => (
            &["__lshift__"],
            &["__rlshift__"],
            &["__ilshift__", "__lshift__"],
        ),
        Operator::RShift => (
            &["__rshift__"],
            &["__rrshift__"],
            &["__irshift__", "__rshift__"],
        ),
        Operator::BitOr => (&["__or__"], &["__ror__"], &["__ior__", "__or__"]),
        Operator::BitXor => (&["__xor__"], &["__rxor__"], &["__ixor__", "__xor__"]),
        Operator::BitAnd => (&["__and__"], &["__rand__"], &["__iand__", "__and__"]),
        Operator::FloorDiv => (
            &["__floordiv__"],
            &["__rfloordiv__"],
            &["__ifloordiv__", "__floordiv__"],
        ),
    }
}

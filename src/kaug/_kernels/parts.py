"""Kernels are compiled as a whole, and what they call as parts of them.

Numba by itself makes machine code of every function, with wrappers for Python and C around it, and
optimises it anew in each function that calls it. Of what compiled code calls, LLVM's own text is
enough, and once optimised it is only put beside what calls it, unless it is small enough to go in.
So there are two compilations of a kernel: a whole, if Python calls it, and a part, if kernels do.

A Numba that is built in another way compiles as it always does, which takes longer and gives the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from kaug._kernels.announcing import compiling

try:
    from numba import _dynfunc, types
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import CompilerBase, DefaultPassBuilder
    from numba.core.compiler_machinery import register_pass
    from numba.core.registry import CPUDispatcher
    from numba.core.typed_passes import NativeLowering
except ImportError:  # a Numba that has them elsewhere
    CPUDispatcher = None

# Of a part: compiled code needs no wrappers.
OPTIONS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
# Of a whole and of a part.
_BOTH: dict[str, Any] = {"nopython": True, "nogil": True}

# Instructions of LLVM from which on it does not put a function into what calls it.
_LARGE = 100
# Passes of Numba that find nothing in a kernel: it has neither functions within nor whole arrays.
_IDLE = frozenset({"inline_closure_likes", "inline_overloads", "nopython_rewrites"})

# Whether kernels can be compiled so, until it turns out that they cannot.
usable = CPUDispatcher is not None


def compiled(function: Callable[..., Any]) -> Any:
    """Returns what Numba makes of a kernel."""
    if not usable:
        return numba.jit(**_BOTH)(function)
    return Kernel(function, targetoptions={**_BOTH, "no_cfunc_wrapper": True})


if CPUDispatcher is not None:

    def _serves(known: Any, kind: Any) -> bool:
        """Tells whether what was compiled for one type takes another as it is."""
        read_only = isinstance(kind, types.Array) and kind.copy(readonly=True)
        return bool(known in (kind, read_only))

    class _Library(JITCodeLibrary):  # type: ignore[misc, unused-ignore]  # untyped
        """A function with what it calls: small parts in it, large ones in `later`."""

        name_of_function: str
        is_large = False

        def finalize(self) -> None:
            """Optimises the function together with its small parts."""
            self._codegen._check_llvm_bugs()
            self.later: dict[Any, None] = {}  # what is called before what calls
            for library in dict.fromkeys(self._linking_libraries):
                self.later.update(getattr(library, "later", {}))
                if getattr(library, "is_large", False):
                    self.later[library] = None
                else:
                    self._link(library)
            self._optimize_final_module()
            self._end()

        def _link(self, library: Any) -> None:
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)

    class _Whole(_Library):
        """What Python calls: machine code of all of it."""

        def _end(self) -> None:
            for library in reversed(self.later):  # LLVM drops what is not called yet
                self._link(library)
            self._final_module.verify()
            for function in self._final_module.functions:
                if function.is_declaration and function.name.startswith("_ZN"):
                    raise RuntimeError(f"{function.name} was not linked")
            self._finalize_final_module()

    class _Part(_Library):
        """What compiled code calls: no more than text."""

        def _end(self) -> None:
            self._finalize_dynamic_globals()
            self._finalized = True
            function = self._final_module.get_function(self.name_of_function)
            count = sum(1 for block in function.blocks for _ in block.instructions)
            self.is_large = count > _LARGE

    @register_pass(mutates_CFG=True, analysis_only=False)
    class _PartLowering(NativeLowering):  # type: ignore[misc, unused-ignore]  # untyped
        """Says how a part is called, with nothing for Python to call."""

        _name = "kaug_part_lowering"

        def run_pass(self, state: Any) -> bool:
            super().run_pass(state)
            lowered, library = state["cr"], state.library
            described = lowered.fndesc
            library.name_of_function = described.llvm_func_name
            library.finalize()
            place, name = described.lookup_module(), described.qualname
            key = _dynfunc.make_function(place, name, name, 0, lowered.env, (library,))
            state.targetctx.insert_user_function(key, described, [library, *library.later])
            state["cr"] = lowered._replace(cfunc=key)
            return True

    class _Compiler(CompilerBase):  # type: ignore[misc, unused-ignore]  # untyped
        """The way of Numba, by way of a library of ours."""

        _library: type[_Library] = _Whole

        def define_pipelines(self) -> list[Any]:
            passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
            if usable:
                codegen, name = self.state.targetctx.codegen(), self.state.func_id.func_qualname
                self.state.library = self._library(codegen, name)
                self.state.library.enable_object_caching()
                steps = [self._step(*step) for step in passes.passes if step[0].name() not in _IDLE]
                passes.passes, passes._finalized = steps, False
                passes.finalize()
            return [passes]

        def compile_extra(self, function: Callable[..., Any]) -> Any:
            with compiling():
                return super().compile_extra(function)

        def _step(self, step: Any, text: str) -> tuple[Any, str]:
            return step, text

    class _PartCompiler(_Compiler):
        _library = _Part

        def define_pipelines(self) -> list[Any]:
            self.state.flags.no_compile = usable
            return super().define_pipelines()

        def _step(self, step: Any, text: str) -> tuple[Any, str]:
            return _PartLowering if step is NativeLowering else step, text

    OPTIONS["pipeline_class"] = _PartCompiler

    class Kernel(CPUDispatcher):  # type: ignore[misc, unused-ignore]  # untyped
        """A compiled function, which Python calls as a whole and compiled code as a part."""

        def __init__(self, function: Callable[..., Any], *args: Any, **options: Any) -> None:
            super().__init__(function, *args, **{"pipeline_class": _Compiler, **options})
            self._part = numba.jit(**_BOTH, **OPTIONS)(function)

        def compile(self, signature: Any) -> Any:
            """Compiles the whole; as Numba does it by itself, if that is the only way left."""
            global usable
            try:
                return super().compile(signature)
            except Exception:  # whatever a Numba with other internals raises
                before, usable = usable, False
                try:
                    return super().compile(signature)
                except Exception:  # nor as Numba compiles
                    usable = before  # it is the kernel that is wrong
                    raise

        def get_call_template(self, args: Any, kws: Any) -> Any:
            """Has the part compiled, where compiled code calls it; for all numbers alike."""
            _, args = self._part.fold_argument_types(args, kws)
            args = tuple(types.unliteral(each) for each in args)
            for known in self._part.overloads:
                if all(map(_serves, known, args)):  # what only reads serves what may be written
                    args = known
            return self._part.get_call_template(args, {})

        def get_overload(self, signature: Any) -> Any:
            """Returns what Numba knows the part by."""
            return self._part.get_overload(signature)

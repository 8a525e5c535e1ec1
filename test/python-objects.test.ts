/**
 * What a checkpoint brings back: one small program a row, and an expression that must be true in a fresh kernel.
 * The expression runs in the old kernel first, so that a row cannot pass by being wrong.
 */
import { expect } from 'chai';
import { pythonSuite } from './support/python-world.js';

interface Row {
  what: string;
  code: string;
  holds: string;
}

const plain: Row[] = [
  {
    what: 'numbers, text and bytes',
    code: 'a, b, c, d = 1, 2.5, "é\\ud800", b"\\0"',
    holds: '(a, b, c, d) == (1, 2.5, "é\\ud800", b"\\0")',
  },
  {
    what: 'nested containers',
    code: 'a = {"x": [1, (2, {3})], 4: None}',
    holds: 'a == {"x": [1, (2, {3})], 4: None}',
  },
  { what: 'one list under two names', code: 'a = [1]; b = a', holds: 'a is b' },
  {
    what: 'a list inside two containers',
    code: 'a = [1]; b = {"k": a}; c = (a, 2)',
    holds: 'b["k"] is a and c[0] is a',
  },
  { what: 'a list that holds itself', code: 'a = [1]; a.append(a)', holds: 'a[1] is a and a[0] == 1' },
  {
    what: 'two dicts that hold each other',
    code: 'a = {}; b = {"a": a}; a["b"] = b',
    holds: 'a["b"] is b and b["a"] is a',
  },
  {
    what: 'dates with time zones',
    code: 'import datetime as dt\na = dt.datetime(2026, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))',
    holds: 'a.isoformat() == "2026-01-02T03:00:00+02:00"',
  },
  {
    what: 'compiled patterns',
    code: 'import re\na = re.compile("x+", re.I)',
    holds: 'a.match("XX").end() == 2',
  },
  {
    what: 'decimals and fractions',
    code: 'from decimal import Decimal; from fractions import Fraction\na = Decimal("1.10"); b = Fraction(1, 3)',
    holds: 'str(a) == "1.10" and b * 3 == 1',
  },
  {
    what: 'a defaultdict with a lambda',
    code: 'from collections import defaultdict\na = defaultdict(lambda: [7]); a["x"].append(1)',
    holds: 'a["x"] == [7, 1] and a["new"] == [7]',
  },
  {
    what: 'ranges, slices, ellipsis and None types',
    code: 'a = [range(3), slice(1, 2), ..., NotImplemented, type(None)]',
    holds: 'a[0] == range(3) and a[2] is ... and a[3] is NotImplemented and a[4] is type(None)',
  },
  {
    what: 'exceptions with their arguments',
    code: 'a = ValueError("x", 1); a.extra = 5',
    holds: 'a.args == ("x", 1) and a.extra == 5',
  },
  {
    what: 'builtin types and functions as values',
    code: 'a = {"int": int, "len": len, "f": (lambda: 0).__class__}',
    holds: 'a["int"] is int and a["len"] is len and a["f"] is type(lambda: 0)',
  },
  {
    what: 'a linked list of 500 nodes',
    code: 'a = None\nfor i in range(500): a = {"next": a, "i": i}',
    holds: 'a["i"] == 499 and a["next"]["i"] == 498',
  },
  {
    what: 'the order of the names',
    code: 'z = 1; a = 2; m = 3',
    holds: '[n for n in globals() if n in "zam" and len(n) == 1] == ["z", "a", "m"]',
  },
  { what: 'names with an underscore', code: '_private = [1]', holds: '_private == [1]' },
  { what: 'the last result', code: '6 * 7', holds: '_ == 42' },
  {
    what: 'read-only mappings and weak references',
    code: 'import types, weakref\nclass T: pass\na = types.MappingProxyType({"x": 1}); t = T(); r = weakref.ref(t)',
    holds: 'a["x"] == 1 and r() is t',
  },
  {
    what: 'views of a dict, which follow it',
    code: 'd = {"a": 1}; k, v, i = d.keys(), d.values(), d.items()',
    holds:
      '(d.__setitem__("b", 2), list(k), list(v), list(i))[1:] == (["a", "b"], [1, 2], [("a", 1), ("b", 2)])',
  },
  {
    what: 'views of memory and the standard streams',
    code: 'import sys\nb = bytearray(b"xy"); m = memoryview(b); out = sys.stdout',
    holds: '(m.__setitem__(0, 65), b)[1] == b"Ay" and out is sys.stdout',
  },
  {
    what: 'paths, uuids and simple namespaces',
    code: 'import pathlib, uuid, types\np = pathlib.Path("a/b"); u = uuid.UUID(int=5); n = types.SimpleNamespace(x=[p])',
    holds: 'p.name == "b" and u.int == 5 and n.x == [p]',
  },
];

const functions: Row[] = [
  {
    what: 'a recursive function',
    code: 'def f(n): return 1 if n < 2 else n * f(n - 1)',
    holds: 'f(5) == 120',
  },
  {
    what: 'functions that call each other',
    code: 'def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)',
    holds: 'even(10) and odd(7)',
  },
  {
    what: 'functions that see later changes of globals',
    code: 'k = 1\ndef f(): return k',
    holds: '(globals().__setitem__("k", 5), f())[1] == 5 and f.__globals__ is globals()',
  },
  {
    what: 'closures that share a cell',
    code: 'def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n    return up, lambda: n\nup, get = make(); up()',
    holds: '(up(), get()) == (2, 2)',
  },
  {
    what: 'a closure over a list that is a variable too',
    code: 'data = [1]\ndef make(d):\n    def f(): return d\n    return f\nf = make(data)',
    holds: 'f() is data',
  },
  {
    what: 'a local function that calls itself',
    code: 'def make():\n    def f(n): return 0 if n == 0 else 1 + f(n - 1)\n    return f\nf = make()',
    holds: 'f(4) == 4',
  },
  { what: 'a lambda in a dict', code: 'a = {"sq": lambda x: x * x}', holds: 'a["sq"](3) == 9' },
  {
    what: 'defaults, keyword defaults, annotations and attributes',
    code: 'def f(a, b: int = 2, *, c: str = "z"):\n    "doc"\n    return (a, b, c)\nf.tag = [1]',
    holds:
      'f(1) == (1, 2, "z") and f.__annotations__ == {"b": int, "c": str} and f.__doc__ == "doc" and f.tag == [1]',
  },
  {
    what: 'a decorated function',
    code: 'import functools\ndef deco(g):\n    @functools.wraps(g)\n    def inner(*a): return ("d", g(*a))\n    return inner\n@deco\ndef f(x): return x',
    holds: 'f(1) == ("d", 1) and f.__name__ == "f" and f.__wrapped__(2) == 2',
  },
  {
    what: 'partial objects',
    code: 'import functools\ndef f(a, b): return a - b\np = functools.partial(f, b=1)',
    holds: 'p(3) == 2 and p.func is f',
  },
  {
    what: 'a cached recursive function',
    code: 'import functools\n@functools.lru_cache(maxsize=50)\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(20)',
    holds: 'fib(30) == 832040 and fib.cache_parameters()["maxsize"] == 50',
  },
  {
    what: 'a local cached function that calls itself',
    code: 'import functools\ndef make():\n    @functools.lru_cache\n    def f(n): return 0 if n == 0 else 1 + f(n - 1)\n    return f\nf = make()',
    holds: 'f(9) == 9',
  },
  {
    what: 'a function with single dispatch',
    code: 'import functools\n@functools.singledispatch\ndef f(x): return "any"\n@f.register\ndef _(x: int): return "int"',
    holds: 'f("s") == "any" and f(1) == "int"',
  },
  {
    what: 'a generator function',
    code: 'def g(n):\n    for i in range(n): yield i',
    holds: 'list(g(3)) == [0, 1, 2]',
  },
  {
    what: 'a function made by exec in a namespace of its own',
    code: 'ns = {}\nexec("k = 2\\ndef f(x): return f if x is None else x * k", ns)\nf = ns["f"]',
    holds: 'f(4) == 8 and f(None) is f and ns["f"] is f and f.__globals__ is ns',
  },
  { what: 'a function under two names', code: 'def f(): return 1\ng = f', holds: 'f is g' },
  {
    what: 'a context manager function',
    code: 'from contextlib import contextmanager\n@contextmanager\ndef cm():\n    yield 5',
    holds: 'cm().__enter__() == 5',
  },
  {
    what: 'the source of a function',
    code: 'def f(x):\n    return x + 1',
    holds:
      '__import__("inspect").getsource(f) == "def f(x):\\n    return x + 1\\n" or __import__("inspect").getsource(f) == "def f(x):\\n    return x + 1"',
  },
];

const classes: Row[] = [
  {
    what: 'an instance and its class',
    code: 'class A:\n    k = [1]\n    def get(self): return self.v\na = A(); a.v = 3',
    holds: 'a.get() == 3 and type(a) is A and isinstance(a, A) and a.k is A.k',
  },
  {
    what: 'many instances of one class',
    code: 'class A: pass\nxs = [A() for _ in range(5)]; y = A(); xs[0].o = y',
    holds: 'all(type(x) is A for x in xs) and xs[0].o is y',
  },
  {
    what: 'inheritance with super()',
    code: 'class A:\n    def f(self): return ["A"]\nclass B(A):\n    def f(self): return super().f() + ["B"]\nb = B()',
    holds: 'b.f() == ["A", "B"] and B.__mro__ == (B, A, object)',
  },
  {
    what: 'an instance whose class has no name any more',
    code: 'class A:\n    def f(self): return 1\na = A(); b = A()\ndel A',
    holds: 'a.f() == 1 and type(a) is type(b)',
  },
  {
    what: 'an instance of a class that was defined anew',
    code: 'class A:\n    v = 1\nold = A()\nclass A:\n    v = 2\nnew = A()',
    holds: '(old.v, new.v, type(old) is A, type(new) is A) == (1, 2, False, True)',
  },
  {
    what: 'properties, class methods and static methods',
    code: 'class A:\n    @property\n    def p(self): return 1\n    @p.setter\n    def p(self, v): self.q = v\n    @classmethod\n    def c(cls): return cls\n    @staticmethod\n    def s(): return 2\na = A()',
    holds: 'a.p == 1 and (setattr(a, "p", 9), a.q)[1] == 9 and A.c() is A and A.s() == 2',
  },
  {
    what: 'a bound method',
    code: 'class A:\n    def f(self): return self\na = A(); m = a.f',
    holds: 'm() is a',
  },
  {
    what: 'slots',
    code: 'class A:\n    __slots__ = ("x", "__y")\n    def __init__(self): self.x, self.__y = 1, 2\n    def y(self): return self.__y\na = A()',
    holds: 'a.x == 1 and a.y() == 2 and not hasattr(a, "__dict__")',
  },
  {
    what: 'its own __getstate__ and __setstate__',
    code: 'class A:\n    def __init__(self): self.f = (i for i in ()); self.n = 2\n    def __getstate__(self): return {"n": self.n}\n    def __setstate__(self, s): self.n = s["n"] + 1\na = A()\nn = a.n',
    holds: 'a.n in (2, 3)',
  },
  {
    what: 'a class attribute that is an instance of the class',
    code: 'class A:\n    def __init__(self, v): self.v = v\n    def __setstate__(self, s): self.__dict__.update(s)\n    def __getstate__(self): return dict(self.__dict__)\nA.one = A(1)',
    holds: 'type(A.one) is A and A.one.v == 1',
  },
  {
    what: 'dataclasses',
    code: 'from dataclasses import dataclass, field, replace, fields, asdict\n@dataclass(order=True)\nclass P:\n    x: int\n    y: list = field(default_factory=list)\np = P(1)',
    holds:
      'p == P(1) and P(0) < P(1) and asdict(replace(p, x=2)) == {"x": 2, "y": []} and [f.name for f in fields(P)] == ["x", "y"] and repr(p) == "P(x=1, y=[])"',
  },
  {
    what: 'a frozen dataclass with slots',
    code: 'import sys\nfrom dataclasses import dataclass\n@dataclass(frozen=True, **({"slots": True} if sys.version_info >= (3, 10) else {}))\nclass P:\n    x: int = 3\np = P()',
    holds: 'p.x == 3 and hash(p) == hash(P())',
  },
  {
    what: 'enumerations',
    code: 'import enum\nclass C(enum.Enum):\n    RED = 1\n    BLUE = "b"\n    @property\n    def low(self): return self.name.lower()\n    def __str__(self): return "C:" + self.name\nc = C.RED; d = {C.BLUE: 1}',
    holds:
      'c is C.RED and C("b") is C.BLUE and d[C.BLUE] == 1 and c.low == "red" and str(c) == "C:RED" and list(C) == [C.RED, C.BLUE]',
  },
  {
    what: 'integer enumerations, flags and aliases',
    code: 'import enum\nclass I(enum.IntEnum):\n    A = 1\n    B = 2\n    ALSO = 1\nclass F(enum.Flag):\n    X = enum.auto()\n    Y = enum.auto()\nf = F.X | F.Y; i = I.ALSO',
    holds: 'i is I.A and I.B + 1 == 3 and F.X in f and f == F.X | F.Y',
  },
  {
    what: 'an enumeration with fields of its own',
    code: 'import enum\nclass P(enum.Enum):\n    EARTH = (5.9, 6.3)\n    def __init__(self, m, r): self.m = m; self.r = r\n    def ratio(self): return self.m / self.r\np = P.EARTH',
    holds: 'p is P.EARTH and p.m == 5.9 and P.EARTH.ratio() > 0.9',
  },
  {
    what: 'named tuples of both kinds',
    code: 'from collections import namedtuple\nimport typing\nP = namedtuple("P", "x y", defaults=[2])\nclass Q(typing.NamedTuple):\n    a: int\n    b: str = "z"\n    def both(self): return (self.a, self.b)\np = P(1); q = Q(1)',
    holds:
      'p == (1, 2) and p._replace(x=3).x == 3 and type(p) is P and q.both() == (1, "z") and isinstance(q, Q)',
  },
  {
    what: 'abstract base classes with registrations',
    code: 'import abc\nclass S(abc.ABC):\n    @abc.abstractmethod\n    def area(self): ...\nclass C(S):\n    def area(self): return 1\nclass Other: pass\nS.register(Other)\nc = C()\ndef refuses():\n    try: S()\n    except TypeError: return True',
    holds: 'isinstance(c, S) and isinstance(Other(), S) and refuses() and c.area() == 1',
  },
  {
    what: 'a metaclass with side effects',
    code: 'seen = []\nclass M(type):\n    def __new__(m, name, bases, ns, **kw):\n        seen.append(name)\n        return super().__new__(m, name, bases, ns)\n    def hi(cls): return cls.__name__\nclass A(metaclass=M, tag=1): pass\na = A()',
    holds: 'type(A) is M and A.hi() == "A" and type(a) is A and seen == ["A"]',
  },
  {
    what: 'a base with __init_subclass__',
    code: 'class R:\n    known = []\n    def __init_subclass__(cls, *, key, **kw): R.known.append(cls); cls.key = key\nclass A(R, key=1): pass\nclass B(R, key=2): pass',
    holds: 'R.known == [A, B] and A.key == 1 and A.__bases__ == (R,)',
  },
  {
    what: 'generic classes and type variables',
    code: 'import typing\nT = typing.TypeVar("T")\nclass Box(typing.Generic[T]):\n    def __init__(self, v: T): self.v = v\nb = Box[int](3); alias = typing.Dict[str, typing.List[int]]',
    holds:
      'b.v == 3 and alias == typing.Dict[str, typing.List[int]] and Box.__parameters__[0].__name__ == "T"',
  },
  {
    what: 'an exception class with another signature',
    code: 'class E(Exception):\n    def __init__(self, code, text):\n        super().__init__(text); self.code = code\ne = E(5, "x")',
    holds: 'e.code == 5 and e.args == ("x",) and isinstance(e, E)',
  },
  {
    what: 'subclasses of builtin types',
    code: 'class L(list):\n    def total(self): return sum(self)\nclass D(dict):\n    def __missing__(self, k): return k\nl = L([1, 2]); l.t = 1; d = D(a=1)',
    holds: 'l.total() == 3 and l.t == 1 and d["q"] == "q" and d["a"] == 1',
  },
  {
    what: 'descriptors with __set_name__ and cached properties',
    code: 'import functools\nclass V:\n    def __set_name__(self, o, n): self.n = n\n    def __get__(self, i, o): return self.n\nclass A:\n    v = V()\n    @functools.cached_property\n    def c(self): return [1]\na = A(); a.c',
    holds: 'a.v == "v" and a.c == [1] and A().c == [1]',
  },
  {
    what: 'a class inside a class and a class inside a function',
    code: 'class A:\n    class B:\n        v = 1\ndef make():\n    class L:\n        def me(self): return L\n    return L\nL = make(); b = A.B(); l = L()',
    holds: 'type(b) is A.B and l.me() is L and type(l) is L',
  },
  {
    what: 'a class that is callable, comparable and hashable',
    code: 'class A:\n    def __init__(s, v): s.v = v\n    def __eq__(s, o): return s.v == o.v\n    def __hash__(s): return hash(s.v)\n    def __call__(s): return s.v\nd = {A(1): "x"}; s = {A(2)}',
    holds: 'd[A(1)] == "x" and A(2) in s and A(3)() == 3',
  },
];

const surroundings: Row[] = [
  {
    what: 'module aliases and submodules',
    code: 'import math as m\nimport os.path\nimport xml.dom.minidom as md',
    holds: 'm.pi > 3 and os.path.sep == "/" and md.__name__ == "xml.dom.minidom"',
  },
  {
    what: 'names imported from modules',
    code: 'from math import sqrt as root\nfrom collections import OrderedDict\nfrom os.path import join',
    holds: 'root(4) == 2 and OrderedDict.__name__ == "OrderedDict" and join("a", "b") == "a/b"',
  },
  { what: 'a module inside a container', code: 'import math\na = {"m": math}', holds: 'a["m"] is math' },
  {
    what: 'the state of the random generator',
    code: 'import random\nfrom random import randint\nrandom.seed(5)\nexpected = random.Random(5).random()',
    holds: 'abs(random.random() - expected) < 1e-12 and randint.__self__ is random._inst',
  },
  {
    what: 'additions to sys.path',
    code: 'import sys\nsys.path.append("/opt/mine")',
    holds: '"/opt/mine" in sys.path',
  },
];

describe('what a Python checkpoint brings back', () => {
  const suite = pythonSuite();

  for (const { what, code, holds } of [...plain, ...functions, ...classes, ...surroundings]) {
    it(`brings back ${what}`, async () => {
      const old = await suite.world.session();
      const ran = await old.run(code);
      expect(ran.outcome.error ?? null).to.equal(null);
      const saved = await old.save();
      expect(await old.value(holds)).to.equal('True');
      expect(saved.content.not_kept).to.deep.equal([]);
      const fresh = await suite.world.session();
      expect(await fresh.restore(saved)).to.deep.equal({ not_kept: [] });
      expect(await fresh.value(holds)).to.equal('True');
    });
  }
});

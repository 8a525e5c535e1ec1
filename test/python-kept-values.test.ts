/** Which values of a Python session last: each kind that does, each that does not, and the limits of one and of all. */
import { expect } from 'chai';
import { loadConfig } from '../src/core/config.js';
import { pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

const { limits } = loadConfig({ file: null, env: {}, given: { data_dir: '/nowhere' } });

describe('what a Python session keeps', () => {
  const suite = pythonSuite({
    variableBytes: limits.variable_bytes,
    sessionBytes: limits.session_bytes,
  });

  const saved = async (session: PythonSession, code: string) => {
    const report = await session.run(code);
    expect(report.outcome.error ?? null).to.equal(null);
    const state = await session.save();
    const notKept = Object.fromEntries(
      (state.content.not_kept ?? []).map(({ name, reason }) => [name, reason]),
    );
    return { state, notKept };
  };

  it('P-10: is no variable over 10 MB, which is named with the setting, and everything small', async () => {
    expect(limits.variable_bytes).to.equal(10 * 2 ** 20);
    const { state, notKept } = await saved(
      await suite.world.session(),
      `large = bytes(11 * 2**20); nearly = bytes(10 * 2**20 - 1000); small = [1]`,
    );
    expect(notKept).to.deep.equal({
      large: 'larger than 10 MB, the limit for one variable (limits.variable_bytes)',
    });
    const fresh = await suite.world.session();
    await fresh.restore(state);
    expect(await fresh.value(`len(nearly), small, 'large' in globals()`)).to.equal('(10484760, [1], False)');
  });

  it('P-11: is 100 MB in all; what is over it is named with the setting, and the state before is intact', async () => {
    expect(limits.session_bytes).to.equal(100 * 2 ** 20);
    const session = await suite.world.session();
    const before = await saved(session, 'first = [1]');
    const over = await saved(
      session,
      `for number in range(12): globals()[f'part_{number}'] = bytes([number]) * (9 * 2**20)\nlast = 'x'`,
    );
    expect(Object.keys(over.notKept)).to.deep.equal(['part_11']);
    expect(over.notKept.part_11).to.include('limits.session_bytes');
    const fresh = await suite.world.session();
    await fresh.restore(over.state);
    expect(await fresh.value('first, last, len(part_10)')).to.equal(`([1], 'x', 9437184)`);
    const older = await suite.world.session();
    await older.restore(before.state);
    expect(await older.value(`first, 'last' in globals()`)).to.equal('([1], False)');
  }).timeout(60_000);

  it('P-13: is everything beside a handle, a socket and a module, in a run that succeeds', async () => {
    const { state, notKept } = await saved(
      await suite.world.session(),
      `import math, socket
square = lambda x: x * x
handle = open('notes.txt', 'w'); connection = socket.socket(); generator = (i for i in [1])
kept = {'n': 1}`,
    );
    expect(notKept).to.deep.equal({
      handle: 'an open file cannot be stored',
      connection: 'a socket cannot be stored',
      generator: 'a generator holds a running frame, which cannot be stored',
    });
    const fresh = await suite.world.session();
    expect(await fresh.restore(state)).to.deep.equal({ not_kept: [] });
    expect(await fresh.value('square(3), math.pi > 3, kept')).to.equal(`(9, True, {'n': 1})`);
  });

  it('is what pickle itself would refuse: functions, classes, closures, views, types', async () => {
    const { state, notKept } = await saved(
      await suite.world.session(),
      `import dataclasses, enum, sys, typing
def counter():
    count = 0
    def step():
        nonlocal count
        count += 1
        return count
    return step
step = counter(); step()
@dataclasses.dataclass
class Point:
    x: int
    tags: list = dataclasses.field(default_factory=list)
def local():
    class Inner:
        def who(self): return super().__str__() and 'inner'
    return Inner
Inner = local(); inner = Inner(); point = Point(1)
class Colour(enum.Enum): RED = 1
colour = Colour.RED
cycle = []; cycle.append(cycle); shared = [point, point]
d = {'a': 1}; keys, values, items = d.keys(), d.values(), d.items()
buffer = bytearray(b'xy'); view = memoryview(buffer); out = sys.stdout
UserId = typing.NewType('UserId', int); T = typing.TypeVar('T')`,
    );
    expect(notKept).to.deep.equal({});
    const fresh = await suite.world.session();
    expect(await fresh.restore(state)).to.deep.equal({ not_kept: [] });
    expect(
      await fresh.value(`d['b'] = 2; view[0] = 65
step(), point, Point(2).tags, inner.who(), isinstance(inner, Inner), colour is Colour.RED, cycle[0] is cycle, \\
    shared[0] is shared[1] is point, list(keys), list(values), list(items), buffer, out is sys.stdout, UserId(3)`),
    ).to.equal(
      `(2, Point(x=1, tags=[]), [], 'inner', True, True, True, True, ['a', 'b'], [1, 2], [('a', 1), ('b', 2)], bytearray(b'Ay'), True, 3)`,
    );
  });

  it('is nothing that runs or belongs to the machine, and each is named with its reason', async () => {
    const { notKept } = await saved(
      await suite.world.session(),
      `import contextvars, sqlite3, threading, types, sys
async def work(): pass
coroutine = work(); lock = threading.Lock(); database = sqlite3.connect(':memory:')
made = types.ModuleType('made'); frame = sys._getframe(); part = memoryview(b'abc')[1:]
variable = contextvars.ContextVar('v'); kept = 1`,
    );
    const { variable, ...others } = notKept;
    expect(variable).to.match(/^it cannot be pickled: TypeError: cannot pickle '.*ContextVar' object$/);
    expect(others).to.deep.equal({
      coroutine: 'a coroutine holds a running frame, which cannot be stored',
      lock: 'a thread lock cannot be stored',
      database: 'a database connection cannot be stored',
      made: 'a module made at run time cannot be stored',
      frame: 'a running frame cannot be stored',
      part: 'it cannot be pickled: TypeError: a view of a part of memory',
    });
  });
});

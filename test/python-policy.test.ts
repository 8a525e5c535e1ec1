/** The policy `restricted`: what it refuses and with which words, what it lets through, and what it leaves behind. */
import { expect } from 'chai';
import { z } from 'zod';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import { memoryStore } from '../src/storage/memory.js';
import type { ICaller } from '../src/types/client.js';
import { systemClock, systemFiles, silentLog } from '../src/core/system.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { PythonWorld } from './support/python-world.js';
import { codeOf, epochs, journal, until } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';

const restricted = { options: { policy: 'restricted' } };

/** Code, and the whole detail of the refusal. */
const refused: readonly [string, string][] = [
  ['os.system("id")', 'Dangerous pattern detected: os.'],
  ['print(OS.name)', 'Dangerous pattern detected: os.'],
  ['x.sys.path', 'Dangerous pattern detected: sys.'],
  ['subprocess.run([])', 'Dangerous pattern detected: subprocess.'],
  ['import socket; socket.socket()', 'Dangerous pattern detected: socket.'],
  ['shutil.rmtree("/")', 'Dangerous pattern detected: shutil.'],
  ['import io; io.open("/etc/passwd")', 'Dangerous pattern detected: open('],
  ['file("x")', 'Dangerous pattern detected: file('],
  ['raw_input("x")', 'Dangerous pattern detected: raw_input('],
  ['compile("1", "", "eval")', 'Dangerous pattern detected: compile('],
  ['core.compile("1", "", "eval")', 'Dangerous pattern detected: compile('],
  ['more.compile("1", "", "eval")', 'Dangerous pattern detected: compile('],
  ['f.__code__', 'Dangerous pattern detected: __code__'],
  ['getattr(f, "__globals__")', 'Dangerous pattern detected: __globals__'],
  ['__builtins__', 'Dangerous pattern detected: __builtins__'],
  ['import urllib3', 'Dangerous pattern detected: urllib'],
  ['import requests', 'Dangerous pattern detected: requests'],
  ['from http.client import HTTPConnection', 'Dangerous pattern detected: http.client'],
  ['import threading', 'Dangerous pattern detected: threading'],
  ['from concurrent import futures', 'Dangerous pattern detected: concurrent'],
  // The text is looked at before the syntax, the syntax before the imports.
  ['open( x ==', 'Dangerous pattern detected: open('],
  ['import os\nx ==', 'Invalid Python syntax: invalid syntax (<unknown>, line 2)'],
  ['a\0b', 'Invalid Python syntax: source code string cannot contain null bytes'],
  ['import math, os', "Import of 'os' is not allowed"],
  ['import numpyish', "Import of 'numpyish' is not allowed"],
  ['def f():\n  from pathlib import Path', "Import from 'pathlib' is not allowed"],
  ['from .. import x', "Import from '..' is not allowed"],
  ['(open)("x")', 'Dangerous pattern detected: open('],
  ['x.__ｂases__', 'Dangerous pattern detected: __bases__'],
];

const allowed = [
  're.compile("a")',
  'requests_total = 1',
  'def profile(): return 1\nprofile()',
  'pos = 1\n"videos.mp4"',
  'num_requests = 2',
  'import collections.abc',
  'from numpy import linalg',
  'import matplotlib.pyplot as plt',
  'class A:\n  def f(self): return 3\nA().f()',
  '[x for x in range(3)]',
];

describe('the policy of a restricted Python session', () => {
  let server: RunningServer;
  let caller: ICaller;
  let client: Sojourn;

  before(async function () {
    await needs.python(this);
    await needs.pythonModule(this, 'numpy');
    server = await openServer();
    caller = server.app.caller(() => Promise.resolve());
    client = new Sojourn(caller);
  });
  after(async () => {
    await PythonWorld.closeAll();
    await server?.dispose();
  });

  const check = async (code: string, options: object = restricted) =>
    z
      .object({ allowed: z.boolean(), detail: z.string().nullable() })
      .parse(await caller.call('check_code', { code, ...options }));

  it('refuses what is dangerous, in the order text, syntax, imports, attributes, with these words', async () => {
    for (const [code, detail] of refused)
      expect(await check(code), code).to.deep.equal({ allowed: false, detail });
  });

  it('refuses code that no parser can take as bad syntax', async () => {
    for (const code of ['('.repeat(100_000), `${'-'.repeat(200_000)}1`, '"\ud800"\nx =']) {
      const { detail } = await check(code);
      expect(detail, code.slice(0, 10)).to.match(/^Invalid Python syntax: ./);
    }
  });

  it('lets harmless code through that only looks like it', async () => {
    for (const code of allowed)
      expect(await check(code), code).to.deep.equal({ allowed: true, detail: null });
  });

  it('is not asked of an open session', async () => {
    expect(await check('import os; os.getcwd()', {})).to.deep.equal({ allowed: true, detail: null });
    expect(await caller.call('run_once', { code: 'import os; print(os.sep)' })).to.include({ stdout: '/\n' });
  });

  it('answers a refused run with code 422 over HTTP and its reason as the detail', async () => {
    const response = await fetch(`${server.url}/api/run_once`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ code: 'import os', ...restricted }),
    });
    expect(response.status).to.equal(422);
    expect(await response.json()).to.include({
      code: 'code_rejected',
      detail: "Import of 'os' is not allowed",
    });
  });

  it('leaves no trace of a refused run in the journal, the counts and the history', async () => {
    const session = await client.createSession(restricted);
    await session.execute('x = 1');
    const before = await journal(session);
    expect(await codeOf(session.execute('x = 2\nimport os'))).to.equal('code_rejected');
    expect(await codeOf(session.execute('import os', { clearFirst: true }))).to.equal('code_rejected');
    expect(await journal(session)).to.deep.equal(before);
    expect(await session.info()).to.include({ totalExecutions: 1, variableCount: 1 });
    expect((await session.execute('x')).output).to.equal('1\n');
    await session.delete();
  });

  it('refuses in the journal what was promised an answer before its turn had come', async () => {
    const session = await client.createSession(restricted);
    const running = session.execute('while True: pass');
    await until(async () => (await session.info()).status === 'busy');
    const { seq, status } = await session.execute('import os', { waitS: 0.01 });
    expect(status).to.equal('running');
    await session.interrupt();
    await running;
    await session.execute('1');
    expect(await codeOf(session.execution(seq))).to.equal('code_rejected');
    expect((await session.info()).totalExecutions).to.equal(2);
    await session.delete();
  });

  it('gives names that need no import and are no variables: not listed, cleared, deleted or stored', async () => {
    const session = await client.createSession(restricted);
    const code = `def area(r): return math.pi * r * r
words = defaultdict(list)
words['a'].append(json.dumps([1]))
text = StringIO('x').read() + re.sub('a', 'b', 'a')
total = statistics.mean([1, 3]) + np.sum([1, 2]) + numpy.sum([1])
day = datetime.date(2024, 1, 2)`;
    expect((await session.execute(code)).error).to.equal(null);
    expect((await session.variables()).map(({ name }) => name).sort()).to.deep.equal([
      'day',
      'text',
      'total',
      'words',
    ]);
    expect((await session.info()).variableCount).to.equal(4);
    await session.hibernate();
    const show = "(round(area(1), 2), dict(words), text, int(total), day.year, Counter('aab')['a'])";
    const shown = "(3.14, {'a': ['[1]']}, 'xb', 6, 2024, 2)\n";
    expect((await session.execute(show)).output).to.equal(shown);
    const [woken] = await epochs(session);
    expect(woken).to.deep.include({ not_kept: [] });
    await session.clear();
    const spoil = 'math = 1\ndel math\nmath.floor(2.5)';
    expect((await session.execute(spoil)).output).to.equal('2\n');
    expect((await session.execute("'math' in dir()")).output).to.equal('False\n');
    await session.delete();
  });

  it('takes its names with the imports of the code itself', async () => {
    const session = await client.createSession(restricted);
    const code =
      'import numpy as np\nfrom collections import Counter\nimport math as m\nprint(np.sum([m.pi]) > 3)';
    expect((await session.execute(code)).output).to.equal('True\n');
    await session.delete();
  });

  it('holds for every session of a restricted server, whatever a session asks for', async () => {
    const strict = await openServer({ python: { policy: 'restricted' } });
    const other = new Sojourn(strict.app.caller(() => Promise.resolve()));
    for (const options of [{}, { policy: 'open' }]) {
      const session = await other.createSession({ options });
      expect(await codeOf(session.execute('import os'))).to.equal('code_rejected');
    }
    const once = { code: 'import os', options: { policy: 'open' } };
    expect(await codeOf(other.call('run_once', once))).to.equal('code_rejected');
    expect(await codeOf(other.createSession({ options: { policy: 'none' } }))).to.equal('invalid_params');
    await strict.dispose();
  });

  it('stays that of the session when the server becomes open, and runs again what it once let through', async () => {
    const dataDir = await temporaryFolder();
    const store = memoryStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
    await store.open();
    const open = async (policy: 'open' | 'restricted') => {
      const { definition } = await PythonWorld.open({ policy });
      return openWorld({ dataDir, store, engines: [definition] });
    };
    let world = await open('restricted');
    const first = await world.client.createSession({ sessionId: 'strict' });
    await first.execute('x = math.floor(2.5)');
    await world.crash();
    world = await open('open');
    const again = world.client.session('strict');
    expect((await again.execute('x')).output).to.equal('2\n');
    expect(await codeOf(again.execute('import os'))).to.equal('code_rejected');
    const second = await world.client.createSession({ sessionId: 'loose' });
    await second.execute('import os\ny = os.sep');
    await world.crash();
    world = await open('restricted');
    const loose = world.client.session('loose');
    expect((await loose.execute('y')).output).to.equal("'/'\n");
    expect(await codeOf(loose.execute('import os'))).to.equal('code_rejected');
    await world.close();
  });
});

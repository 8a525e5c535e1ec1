/** Kernels that send nonsense, claim what is not theirs to say, or die while somebody waits: only they are hurt. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog, systemIds } from '../src/core/system.js';
import { getVariable } from '../src/engines/python/operations.js';
import type { PythonEngine } from '../src/engines/python/python-engine.js';
import type { EngineDeath, RunContext } from '../src/types/engine.js';
import type { OutputEventBody } from '../src/types/events.js';
import { failure } from './support/python-fates.js';
import { needs } from './support/needs.js';
import { pythonSuite } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

const inRun = (emit: (output: OutputEventBody) => void = () => undefined): RunContext => ({
  signal: new AbortController().signal,
  inputSeq: 1,
  emit,
});

/** Sends frames behind the kernel's back, and keeps the run going. */
const send = (message: string, tail = `b''`) => `import gc, time
from sojourn_kernel.frames import Channel
from sojourn_kernel.interrupts import Interrupts
channel = [c for c in gc.get_objects() if type(c) is Channel][0]
request = [i for i in gc.get_objects() if type(i) is Interrupts][0].request
channel.send(${message}, ${tail})
time.sleep(30)`;

describe('a hostile Python kernel', () => {
  before(function () {
    needs.linux(this);
  });
  const suite = pythonSuite();

  /** An engine whose owner disposes it as soon as it hears of its death. */
  async function mourned(): Promise<{ engine: PythonEngine; deaths: EngineDeath[] }> {
    const deaths: EngineDeath[] = [];
    const engine = await suite.world.definition.create(
      { sandbox: 'off', policy: 'open' },
      {
        sessionId: 's',
        uid: systemIds.uid(),
        family: systemIds.uid(),
        epoch: 0,
        workspace: await temporaryFolder('python-mourned'),
        log: silentLog,
        emit: () => undefined,
        died: (death) => {
          deaths.push(death);
          void engine.dispose();
        },
      },
    );
    return { engine, deaths };
  }

  for (const [what, code, fields] of [
    ['os._exit', 'import os; os._exit(3)', { exit_code: 3, signal: null }],
    ['a segmentation fault', 'import ctypes; ctypes.string_at(0)', { signal: 'SIGSEGV' }],
    [
      'closing its connection',
      `import os, stat, time
for fd in map(int, os.listdir('/proc/self/fd')):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.close(fd)
    except OSError: pass
time.sleep(30)`,
      { cause: 'kernel_died', fault: 'it closed its connection' },
    ],
  ] as const) {
    it(`fails the run with kernel_died after ${what}, though the engine is disposed at once`, async () => {
      const { engine, deaths } = await mourned();
      const error = await failure(engine.execute({ code, silent: false }, inRun()));
      expect(error.code).to.equal('kernel_died');
      expect(error.fields).to.include({ cause: 'kernel_died', ...fields });
      expect(deaths).to.have.length(1);
      expect(error.detail).to.equal(deaths[0]?.detail);
    });
  }

  it('ends alone when its output cannot be taken in', async () => {
    const other = await suite.world.session();
    const session = await suite.world.session();
    const refuse = () => {
      throw new RangeError('Invalid string length');
    };
    const code = `print('x'); import time; time.sleep(30)`;
    const error = await failure(session.engine.execute({ code, silent: false }, inRun(refuse)));
    expect(error.code).to.equal('kernel_died');
    expect(error.fields).to.include({ fault: 'RangeError while a frame was taken in' });
    expect(await other.value('1')).to.equal('1');
  });

  it('is ended for a frame that is nested too deeply', async () => {
    const session = await suite.world.session();
    const deep = `{'t': 'display', 'data': {'application/json': eval('[' * 60 + ']' * 60)}}`;
    const code = send(deep).replace('time.sleep(30)', '');
    expect((await session.run(code)).outputs).to.have.length(1);
    const build = `deep = []\nfor _ in range(900): deep = [deep]\n`;
    const error = await failure(session.run(build + send(`{'t': 'display', 'data': {'x': deep}}`)));
    expect(error.fields).to.include({ fault: 'a frame is nested too deeply' });
  });

  it('is ended for a frame of more values than can be read at once', async () => {
    const session = await suite.world.session();
    const error = await failure(session.run(send(`{'t': 'display', 'data': {'x': [[]] * 400_000}}`)));
    expect(error.fields).to.include({ fault: 'a frame holds too many values' });
  });

  it('shows a value without its JSON when that has too many values', async () => {
    const session = await suite.world.session();
    const { outputs, outcome } = await session.run(
      `display({'application/json': [[]] * 400_000}, raw=True); 1`,
    );
    expect(outcome.status).to.equal('ok');
    expect(JSON.stringify(outputs)).to.contain('one form may have');
  });

  it('is ended for a piece of output that no kernel sends', async () => {
    const session = await suite.world.session();
    const error = await failure(session.run(send(`{'t': 'stdout'}`, `b'x' * (1 << 20)`)));
    expect(error.fields).to.include({ fault: 'a piece of output is too large' });
  });

  it('gives output in pieces of at most 256 KB', async () => {
    const session = await suite.world.session();
    const report = await session.run(`print('é' * 3_000_000)`);
    expect(report.text('stdout')).to.have.length(3_000_001);
    const sizes = report.outputs.map((output) => ('text' in output ? Buffer.byteLength(output.text) : 0));
    expect(Math.max(...sizes)).to.be.at.most(256 * 1024);
  });

  it('shows a value without its rich form when that is nested too deeply', async () => {
    const session = await suite.world.session();
    const report = await session.run(`class Deep:
    def __init__(self, depth): self.depth = depth
    def __repr__(self): return 'deep'
    def _repr_json_(self):
        made = []
        for _ in range(self.depth): made = [made]
        return made
display(Deep(50)); Deep(70)`);
    const forms = report.outputs.map((output) => ('data' in output ? Object.keys(output.data) : []));
    expect(forms).to.deep.equal([
      ['text/plain', 'application/json'],
      ['text/plain', 'application/vnd.sojourn.left-out+json'],
    ]);
  });

  it('cannot give the codes and fields of the server', async () => {
    const session = await suite.world.session();
    const error = await failure(
      session.run(
        send(`{'t': 'failed', 'id': request, 'code': 'session_not_found', 'detail': 'gone',
          'fields': {'session_id': 'other', 'name': 'Error', 'retry_after': 1}}`),
      ),
    );
    expect(error).to.deep.include({ code: 'internal', detail: 'gone', fields: { name: 'Error' } });
  });

  it('cannot claim in the outcome of a run that it died', async () => {
    const session = await suite.world.session();
    const { outcome } = await session.run(
      send(`{'t': 'reply', 'id': request, 'value': {'status': 'error', 'should_exit': False,
        'interrupted': False, 'execution_count': 1, 'variable_count': 0,
        'error': {'name': 'E', 'message': 'm', 'traceback': '', 'code': 'kernel_died'}}}`),
    );
    expect(outcome.error).to.deep.equal({ name: 'E', message: 'm', traceback: '' });
  });

  it('still says which variable there is none of', async () => {
    const session = await suite.world.session();
    const error = await failure(getVariable.run(session.engine, { name: 'nothing' }, inRun()));
    expect(error).to.deep.include({ code: 'variable_not_found', fields: { name: 'nothing' } });
  });

  it('keeps the session when it closes its descriptors 1 and 2, and has them again in the next run', async () => {
    const session = await suite.world.session();
    await session.run(`import os, time\nos.close(1); os.close(2)`);
    const used = await session.value(`before = time.process_time(); time.sleep(0.3)
time.process_time() - before`);
    expect(Number(used)).to.be.below(0.1);
    const report = await session.run(`os.write(1, b'out\\n'); os.write(2, b'err\\n'); print('text')`);
    expect([report.text('stdout'), report.text('stderr')]).to.deep.equal(['out\ntext\n', 'err\n']);
  });

  it('lives on when its own signal handlers raise while nothing runs', async () => {
    const session = await suite.world.session();
    const pid = Number(
      await session.value(`import os, signal
def handler(number, frame):
    open('heard-%d' % number, 'w').close()
    raise ValueError('stray')
for number in (signal.SIGALRM, signal.SIGUSR1): signal.signal(number, handler)
signal.setitimer(signal.ITIMER_REAL, 0.02)
os.getpid()`),
    );
    process.kill(pid, 'SIGUSR1');
    for (const number of [constants.signals.SIGALRM, constants.signals.SIGUSR1]) {
      const sign = join(session.workspace, `heard-${number}`);
      while (!existsSync(sign)) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await session.value('signal.getsignal(signal.SIGUSR1) is handler')).to.equal('True');
    expect(session.deaths).to.deep.equal([]);
  });
});

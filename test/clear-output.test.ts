/** What `clear_output` means for the answer, for those who follow the events, and for who reads the whole later. */
import { join } from 'node:path';
import { expect } from 'chai';
import { ExecutionOutput } from '../src/core/execution-output.js';
import type { ISession } from '../src/types/client.js';
import type { SessionEventBody } from '../src/types/events.js';
import { needs } from './support/needs.js';
import { openPythonClient, wholeOutput } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { journal } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';

const clear = (wait = false): SessionEventBody => ({ type: 'clear_output', wait });
const print = (text: string): SessionEventBody => ({ type: 'stdout', text });
const show = (text: string, display_id?: string, update?: boolean): SessionEventBody => ({
  type: 'display',
  data: { 'text/plain': text },
  display_id,
  update,
});

function resultOf(...events: SessionEventBody[]) {
  const output = new ExecutionOutput(20, 7);
  for (const event of events) output.add(event);
  return output.toResult();
}

describe('the answer of a run that clears its output', () => {
  it('has what came after the last time', () => {
    const result = resultOf(
      print('a\nb'),
      show('one'),
      clear(),
      print('c'),
      clear(),
      print('d\n'),
      show('2'),
    );
    expect(result).to.deep.include({ output: 'd\n2\n', stdout: 'd\n', displays: [{ 'text/plain': '2' }] });
    expect(result.truncated).to.equal(false);
  });

  it('keeps what is there when the wait is not over', () => {
    expect(resultOf(print('a\n'), clear(true)).output).to.equal('a\n');
    expect(resultOf(print('a\n'), clear(true), print('b\n')).output).to.equal('b\n');
    expect(resultOf(show('a'), clear(true), show('b')).displays).to.deep.equal([{ 'text/plain': 'b' }]);
  });

  it('counts an error as something new, and an updated display as nothing new', () => {
    const error = { name: 'E', message: 'm', traceback: 'trace\n' };
    const ended: SessionEventBody = { type: 'result', input_seq: 7, status: 'error', duration_ms: 1, error };
    expect(resultOf(print('a\n'), clear(true), ended).output).to.equal('trace\n');
    expect(resultOf(show('a', 'x'), clear(true), show('b', 'x', true)).displays).to.deep.equal([
      { 'text/plain': 'b' },
    ]);
    expect(resultOf(show('a', 'x'), clear(), show('b', 'x', true)).displays).to.deep.equal([]);
  });

  it('names the place of what is left out in the whole text', () => {
    const { stdout, total_bytes } = resultOf(print('0123456789'), clear(), print('x'.repeat(30)));
    const mark = 'get_output {"seq":7,"stream":"stdout","offset":20}';
    expect(stdout).to.equal(
      `${'x'.repeat(10)}\n… 10 bytes left out; ${mark} reads them …\n${'x'.repeat(10)}`,
    );
    expect(total_bytes?.stdout).to.equal(40);
  });
});

describe('clear_output in Python', () => {
  let server: PythonClient;
  let session: ISession;

  before(async function () {
    await needs.python(this);
    server = await openPythonClient({ data_dir: join(await temporaryFolder(), 'data') });
    await server.client.createSession({ sessionId: 'a' });
    session = server.client.session('a');
  });
  after(() => server.close());

  it('is an event in its place; the answer has what came after, and the whole stays readable', async () => {
    const result = await session.execute(`from IPython.display import clear_output
for i in range(3):
    clear_output(wait=True)
    print('step', i)
    display(i)`);
    expect(result.output).to.equal('step 2\n2\n');
    expect(result.displays).to.deep.equal([{ 'text/plain': '2' }]);
    expect(await session.execution(result.seq)).to.deep.include({ output: 'step 2\n2\n' });
    const whole = 'step 0\n0\nstep 1\n1\nstep 2\n2\n';
    expect(await wholeOutput(session, result.seq, {})).to.equal(whole);
    const shown = (await journal(session)).filter((event) => 'input_seq' in event && event.type !== 'result');
    const step = ['clear_output', 'stdout', 'display'];
    expect(shown.map(({ type }) => type)).to.deep.equal([...step, ...step, ...step]);
    expect(shown[0]).to.include({ wait: true });
  });

  it('clears at once without wait, in a forked child nothing at all', async () => {
    const code = `import os\nprint('gone'); clear_output(); print('here', flush=True)
pid = os.fork()
if pid == 0:
    clear_output()
    os._exit(0)
os.waitpid(pid, 0);`;
    expect((await session.execute(code)).output).to.equal('here\n');
  });
});

/** Code that asks for input: who is asked, how it is answered, and what happens when nobody answers. */
import { expect } from 'chai';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { nextEvent, openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { codeOf, journal } from './support/session-words.js';

describe('input of a Python session', () => {
  let server: PythonClient;
  let session: ISession;
  let name = 0;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    server = await openPythonClient({ execution: { interrupt_grace_ms: 1000 } });
  });
  beforeEach(async () => {
    session = await server.client.createSession({ sessionId: `s${++name}` });
  });
  after(() => server?.close());

  /** Answers one request after the other, null with the end of input; resolves to the prompts. */
  const answer = async (values: readonly (string | null)[]): Promise<string[]> => {
    const prompts: string[] = [];
    let since = 0;
    for (const value of values) {
      const request = await nextEvent(session, 'input_request', since);
      prompts.push(request.prompt);
      await session.replyInput(value, { inputId: request.seq });
      since = request.seq + 1;
    }
    return prompts;
  };

  it('is asked for behind all output, and answered past the queue', async () => {
    const run = session.execute(
      `print('before', end='')\nname = input('Name: ')\nprint('hello', name)\nname.upper()`,
    );
    const next = session.execute('name * 2');
    expect(await answer(['Ann'])).to.deep.equal(['Name: ']);
    expect(await run).to.include({
      status: 'ok',
      stdout: 'beforehello Ann\n',
      output: "beforeName: Ann\nhello Ann\n'ANN'\n",
    });
    expect((await next).output).to.equal("'AnnAnn'\n");
    const types = (await journal(session)).map(({ type }) => type);
    expect(types.slice(types.indexOf('stdout'), types.indexOf('stdout') + 4)).to.deep.equal([
      'stdout',
      'input_request',
      'input_reply',
      'stdout',
    ]);
  });

  it('shows in the metadata of its session while it waits', async () => {
    expect((await session.info()).inputRequest).to.equal(null);
    const run = session.execute(`input('Name: ')`);
    const request = await nextEvent(session, 'input_request');
    const shown = { input_id: request.seq, seq: request.input_seq, prompt: 'Name: ', password: false };
    expect((await session.info()).inputRequest).to.deep.equal(shown);
    expect((await session.execution(shown.seq ?? -1)).status).to.equal('running');
    await session.replyInput('x');
    expect((await run).output).to.equal("Name: x\n'x'\n");
    expect((await session.info()).inputRequest).to.equal(null);
  });

  it('is answered once: a second reply, one to another request or to none is a conflict', async () => {
    expect(await codeOf(session.replyInput('x'))).to.equal('conflict');
    const run = session.execute('input()');
    const { seq } = await nextEvent(session, 'input_request');
    expect(await codeOf(session.replyInput('x', { inputId: seq + 1 }))).to.equal('conflict');
    const codes = await Promise.all(['x', 'y'].map((value) => codeOf(session.replyInput(value))));
    expect(codes.sort()).to.deep.equal(['conflict', 'none']);
    await run;
    expect(await codeOf(session.call('reply_input', {}))).to.equal('invalid_params');
    expect(await codeOf(session.call('reply_input', { value: 'x', eof: true }))).to.equal('invalid_params');
  });

  it('gives a repeated reply its first receipt', async () => {
    const run = session.execute(`input() + input()`);
    await nextEvent(session, 'input_request');
    const reply = () => session.call('reply_input', { value: 'a' }, { idempotencyKey: 'k' });
    const [one, two] = await Promise.all([reply(), reply()]);
    expect(one).to.deep.equal(two);
    const { seq } = await nextEvent(session, 'input_reply');
    await nextEvent(session, 'input_request', seq);
    expect(await reply()).to.deep.equal(one);
    await session.replyInput('b');
    expect((await run).result).to.deep.equal({ 'text/plain': "'ab'" });
  });

  it('of a password is given to the code and kept nowhere', async () => {
    const run = session.execute(`import getpass\nsecret = getpass.getpass()\nlen(secret)`);
    const request = await nextEvent(session, 'input_request');
    expect(request).to.include({ prompt: 'Password: ', password: true });
    await session.replyInput('swordfish');
    expect((await run).output).to.equal('Password: \n9\n');
    expect(JSON.stringify(await journal(session))).not.to.contain('swordfish');
    // Running it again could not ask for it: its effect is in a checkpoint instead.
    expect((await session.info()).checkpointCount).to.equal(1);
  });

  it('K-31: without an answer ends with the time of the run, and the error says what it waited for', async () => {
    const result = await session.execute(`input('?')`, { timeoutS: 0.3 });
    expect(result.status).to.equal('timeout');
    expect(result.error?.message).to.match(
      /^It was stopped after 0\.3 s while input\(\) waited for an answer/,
    );
    expect((await session.info()).inputRequest).to.equal(null);
    expect((await session.execute('1 + 1')).output).to.equal('2\n');
  });

  it('K-31: is refused at once in a run that allows none, and the session goes on', async () => {
    const result = await session.execute(`x = 1\ninput('?')`, { allowInput: false });
    expect(result).to.include({ status: 'error', truncated: false });
    expect(result.error).to.include({ name: 'EOFError' });
    expect(result.error?.message).to.match(/started without input/);
    const quiet = await session.execute(`import sys\n(sys.stdin.readline(), list(sys.stdin), x)`, {
      allowInput: false,
    });
    expect(quiet.output).to.equal("('', [], 1)\n");
  });

  it('K-31: exit() and a signal to itself are clear errors, others are unharmed and a restart brings it back', async () => {
    const other = await server.client.createSession({ sessionId: `s${++name}` });
    await other.execute('y = 2');
    expect(await session.execute('exit()')).to.deep.include({ status: 'error', shouldExit: true });
    const killed = session.execute('import os, signal\nos.kill(os.getpid(), signal.SIGKILL)');
    expect(await codeOf(killed)).to.equal('kernel_died');
    expect((await other.execute('y')).output).to.equal('2\n');
    await session.restart();
    expect((await session.execute('1 + 1')).output).to.equal('2\n');
  });

  it('that is waited for ends with an interrupt, a restart and a deletion', async () => {
    const interrupted = session.execute('input()');
    const first = await nextEvent(session, 'input_request');
    expect(await session.interrupt()).to.equal(true);
    expect((await interrupted).status).to.equal('interrupted');
    const restarted = session.execute('input()');
    await nextEvent(session, 'input_request', first.seq + 1);
    await session.restart();
    expect((await restarted).status).to.equal('interrupted');
    const { headSeq } = await session.info();
    const deleted = codeOf(session.execute('input()'));
    await nextEvent(session, 'input_request', headSeq + 1);
    await session.delete();
    expect(['session_not_found', 'none', 'closed', 'kernel_died']).to.include(await deleted);
    expect(await codeOf(session.info())).to.equal('session_not_found');
  });

  it('that is given up can be asked for anew in the same run', async () => {
    const code = `try:\n    input('one')\nexcept KeyboardInterrupt:\n    got = input('two')`;
    const kept = `import os, signal, threading\nthreading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n`;
    const run = session.execute(`${kept}${code}\ngot`);
    const first = await nextEvent(session, 'input_request');
    const second = await nextEvent(session, 'input_request', first.seq + 1);
    expect(await codeOf(session.replyInput('late', { inputId: first.seq }))).to.equal('conflict');
    await session.replyInput('answer', { inputId: second.seq });
    expect((await run).result).to.deep.equal({ 'text/plain': "'answer'" });
  });

  it('comes through sys.stdin too, line by line up to the end of input', async () => {
    const code = `import sys
a = sys.stdin.readline()
b = sys.stdin.buffer.readline()
c = sys.stdin.read()
d = [line for line in sys.stdin]
try: input()
except EOFError as error: e = str(error)
(a, b, c, d, e)`;
    const run = session.execute(code);
    await answer(['one', 'zwö', 'three', 'four', null, 'five', null, null]);
    const { result, error } = await run;
    expect(error).to.equal(null);
    const values = [
      `'one\\n'`,
      `b'zw\\xc3\\xb6\\n'`,
      `'three\\nfour\\n'`,
      `['five\\n']`,
      `'the end of input was given'`,
    ];
    expect(result).to.deep.equal({ 'text/plain': `(${values.join(', ')})` });
  });

  it('is refused in threads, in processes of the session and between runs', async () => {
    const code = `import os, threading
told = []
def ask():
    try: input()
    except EOFError as error: told.append(str(error))
thread = threading.Thread(target=ask); thread.start(); thread.join()
reader, writer = os.pipe()
if os.fork() == 0:
    ask(); os.write(writer, told[-1].encode()); os._exit(0)
told.append(os.read(reader, 999).decode())
class Asks:
    def __repr__(self):
        ask(); return 'asked'
asks = Asks()`;
    expect((await session.execute(code)).error).to.equal(null);
    await session.variable('asks');
    const { result } = await session.execute('told');
    const text = String(result?.['text/plain']);
    expect(text).to.contain('only in the main thread of a run');
    expect(text).to.contain('in a process that the session started');
    expect(text).to.contain('only during a run');
  });

  it('leaves alone what the session put in the place of input and stdin', async () => {
    const own = `import builtins, io, sys\nbuiltins.input = lambda prompt='': 'mine ' + prompt`;
    await session.execute(own);
    expect((await session.execute(`input('x')`)).result).to.deep.equal({ 'text/plain': "'mine x'" });
    await session.execute(`del builtins.input\nsys.stdin = io.StringIO('line 1\\nline 2\\n')`);
    expect((await session.execute('input()')).result).to.deep.equal({ 'text/plain': "'line 1'" });
    expect((await session.execute('sys.stdin.read()')).result).to.deep.equal({ 'text/plain': "'line 2\\n'" });
    await session.execute('sys.stdin = None\nask = input');
    const run = session.execute('ask()');
    await answer(['again']);
    expect((await run).result).to.deep.equal({ 'text/plain': "'again'" });
  });

  it('works where a debugger asks', async () => {
    const run = session.execute(`x = 41\nbreakpoint()\nx`);
    expect(await answer(['x + 1', 'x = 7', 'c'])).to.deep.equal(['(Pdb) ', '(Pdb) ', '(Pdb) ']);
    const { stdout, result, error } = await run;
    expect(error).to.equal(null);
    expect(stdout).to.contain('42\n');
    expect(result).to.deep.equal({ 'text/plain': '7' });
  });

  it('is kept by name in variables, and hibernates with them', async () => {
    await session.execute(`import getpass\nask, secret = input, getpass.getpass`);
    await session.hibernate();
    const run = session.execute('ask("?")');
    expect(await answer(['awake'])).to.deep.equal(['?']);
    expect((await run).result).to.deep.equal({ 'text/plain': "'awake'" });
    expect((await session.execute('secret is getpass.getpass')).output).to.equal('True\n');
  });
});

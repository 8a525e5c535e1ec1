/** A replay of everything meets the files of the beginning, and no file is lost by it. */
import { mkdir, readdir, readFile, rename, symlink, utimes, writeFile, chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog, systemFiles } from '../src/core/system.js';
import { WorkspaceAside } from '../src/core/workspace-aside.js';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { epochs, until } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';

const soon = () => Date.now() + 60_000;

describe('the files of a workspace while everything is run again', () => {
  let workspace: string;
  let place: string;
  let aside: WorkspaceAside;

  beforeEach(async () => {
    const root = await temporaryFolder();
    workspace = join(root, 'family', 'one');
    place = join(root, '.aside', 'family', 'one');
    await mkdir(workspace, { recursive: true });
    aside = new WorkspaceAside(workspace, place, systemFiles, silentLog);
  });

  const put = async (path: string, text: string, root = workspace) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const text = (path: string) => readFile(join(workspace, path), 'utf8');
  const names = async (root = workspace) => (await readdir(root, { recursive: true })).sort();

  it('are out of the way, and what was not made anew comes back as it was', async () => {
    await put('log', 'once');
    await put('deep/log', 'once');
    await put('deep/locked/only', 'kept');
    await chmod(join(workspace, 'deep/locked'), 0o500);
    await symlink('/etc/passwd', join(workspace, 'link'));
    await aside.take(0);
    expect(await names()).to.deep.equal([]);
    await put('log', 'again');
    await put('deep/log', 'again');
    await aside.giveBack();
    expect(await names()).to.deep.equal([
      'deep',
      'deep/locked',
      'deep/locked/only',
      'deep/log',
      'link',
      'log',
    ]);
    expect([await text('log'), await text('deep/log'), await text('deep/locked/only')]).to.deep.equal([
      'again',
      'again',
      'kept',
    ]);
    expect((await stat(join(workspace, 'deep/locked'))).mode & 0o777).to.equal(0o500);
    expect(await systemFiles.stat(place)).to.equal(null);
  });

  it('stay where they are when they were there before anything ran, whatever times they claim', async () => {
    await put('data.csv', 'given');
    await put('deep/data.csv', 'given');
    await aside.take(soon());
    expect(await names()).to.deep.equal(['data.csv', 'deep', 'deep/data.csv']);
    await utimes(join(workspace, 'data.csv'), 1000, 1000);
    await aside.take(Date.now() - 60_000);
    expect(await names()).to.deep.equal([]);
    await aside.giveBack();
    expect(await names()).to.deep.equal(['data.csv', 'deep', 'deep/data.csv']);
  });

  it('are all there again after a recovery that was cut off, at whatever point', async () => {
    await put('a', '1');
    await put('b/c', '2');
    await aside.take(0);
    await put('a', 'half made');
    await put('b/d', 'of the replay');
    await aside.mend();
    expect([await text('a'), await text('b/c')]).to.deep.equal(['1', '2']);
    await aside.take(0);
    await put('a', 'half made');
    // Cut off while they were put back.
    await mkdir(join(workspace, 'b'));
    await rename(join(place, 'b/c'), join(workspace, 'b/c'));
    await aside.mend();
    expect([await text('a'), await text('b/c')]).to.deep.equal(['1', '2']);
    await aside.mend();
    expect(await systemFiles.stat(place)).to.equal(null);
  });

  it('keep what was taken first when a replay is begun anew', async () => {
    await put('a', 'first');
    await aside.take(0);
    await put('a', 'of a replay that failed');
    await aside.take(0);
    expect(await names()).to.deep.equal([]);
    await aside.giveBack();
    expect(await text('a')).to.equal('first');
  });
});

describe('a Python session that dies before its first checkpoint', () => {
  let server: PythonClient;
  let session: ISession;
  let workspace: string;

  before(function () {
    return needs.python(this);
  });
  beforeEach(async () => {
    const config = { data_dir: join(await temporaryFolder(), 'data'), checkpoint: { interval_ms: 1e9 } };
    server = await openPythonClient(config);
    await server.client.createSession({ sessionId: 'a' });
    session = server.client.session('a');
    ({ workspace } = await session.files.list());
  });
  afterEach(() => server.close());

  const die = async () => {
    await session.execute('import os; os._exit(1)').catch(() => undefined);
    return session;
  };

  it('has appended once to its files, and made its folders without complaint', async () => {
    await session.files.write('seen.txt', 'header\n');
    await session.execute('import os; os.mkdir("out"); x = open("seen.txt", "a").write("line\\n")');
    await session.execute('print(len(os.listdir("."))); y = os.listdir("out")');
    await die();
    expect((await session.execute('x, y, open("seen.txt").read()')).output).to.equal(
      "(5, [], 'header\\nline\\n')\n",
    );
    const [rebuilt] = await epochs(session);
    expect(rebuilt).to.include({ restored_seq: null });
  });

  it('has the files that came past the interface, those that nothing made again, and nothing hidden', async () => {
    await writeFile(join(workspace, 'given.csv'), '1,2');
    const { ctimeMs } = await stat(join(workspace, 'given.csv'));
    // Clearly before the first input, for clocks that tick slowly.
    await until(() => Promise.resolve(Date.now() - ctimeMs > 100));
    await session.execute('rows = open("given.csv").read()');
    await session.execute('open("temporary", "w").write("t"); import os; os.remove("temporary")');
    await session.execute('open("half", "w").write("h\\n"); os._exit(1)').catch(() => undefined);
    expect((await session.execute('rows')).output).to.equal("'1,2'\n");
    const { files } = await session.files.list();
    expect(files.map(({ path }) => path)).to.deep.equal(['given.csv', 'half']);
    // They are the session's own, whatever user its kernel has now.
    const added = await session.execute('open("half", "a").write("way\\n"); print(open("half").read())');
    expect(added.stdout).to.equal('h\nway\n\n');
  });
});

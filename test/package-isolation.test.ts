/** What code that runs while a package is built can do: nothing to the server, to sessions, or after the build. */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { install, refusal, valueOf } from './support/package-words.js';
import { journal } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { addWheels, wheelhouse } from './support/wheelhouse.js';

const password = 'opensesame%2B1';

/** Tries each of these, tells what came of it, and fails, so that pip shows it. */
const attack = (attempts: Record<string, string>, after = '') => `
import glob, os, socket, subprocess, sys
for name, code in ${JSON.stringify(attempts)}.items():
    try:
        print('%s: got %r' % (name, eval(code)), file=sys.stderr)
    except BaseException as error:
        print('%s: %s' % (name, type(error).__name__), file=sys.stderr)
${after}
sys.exit(3)
`;

const outcomes = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^ *(\w+): (.+)$/gm)].map(([, name = '', came = '']) => [name, came]));

describe('building a package', function () {
  this.timeout(120_000);
  let server: RunningServer;
  let session: ISession;
  let house: string;
  let dataDir: string;

  before(async function () {
    await needs.sandbox(this);
    await needs.pythonModule(this, 'pip');
    dataDir = join(await temporaryFolder('packages'), 'data');
    house = await wheelhouse([]);
    const packages = { enabled: true, find_links: [house], proxy: `http://someone:${password}@127.0.0.1:9` };
    server = await openServer({ data_dir: dataDir, packages });
    const caller = new HttpCaller({ url: server.url, token: server.token ?? undefined, retries: 0 });
    session = await new Sojourn(caller).createSession();
    await session.execute(`open('secret.txt', 'w').write('mine')`);
  });
  after(() => server?.dispose());

  it('reads nothing of the server, of any session, nor what the installer was told', async () => {
    const workspace = await valueOf(session, 'import os; print(os.getcwd())');
    const open = (path: string) => `open(${JSON.stringify(path)}).read()`;
    const attempts = {
      token: open(join(dataDir, 'token')),
      database: open(join(dataDir, 'sojourn.db')),
      session_file: open(join(workspace, 'secret.txt')),
      session_list: `os.listdir(${JSON.stringify(workspace)})`,
      workspaces: `os.listdir(${JSON.stringify(join(dataDir, 'workspaces'))})`,
      passwords: open('/etc/passwd'),
      parent_memory: `open('/proc/%d/mem' % os.getppid(), 'rb')`,
      parent_arguments: `open('/proc/%d/cmdline' % os.getppid()).read()`,
      planted: `open(${JSON.stringify(join(workspace, 'planted'))}, 'w')`,
      environment: `[k for k, v in os.environ.items() if 'sesame' in v or k.startswith('SOJOURN_') and k != 'SOJOURN_KERNEL']`,
      user: 'os.getuid() != 0',
      network: `socket.socket().getsockname()`,
    };
    await addWheels(house, [{ name: 'thief', version: '1.0', setup: attack(attempts) }]);
    const { returncode, stderr } = await install(session, ['thief']);
    expect(returncode).to.equal(1);
    const found = outcomes(stderr);
    const refused = Object.keys(attempts).filter(
      (name) => !['environment', 'user', 'network'].includes(name),
    );
    for (const name of refused) expect(found[name], name).to.match(/^(PermissionError|FileNotFoundError)$/);
    expect(found).to.include({ environment: 'got []', user: 'got True' });
    // Packages come over the network, which the session itself has not.
    expect(found.network).to.match(/^got/);
    expect(await valueOf(session, 'import socket; socket.socket()')).to.include('PermissionError');
  });

  it('leaves no process behind', async () => {
    const after = `
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.environ.clear()
    if os.fork() == 0:
        os.write(write, b'%d' % os.getpid())
        for descriptor in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), descriptor)
        os.execv('/bin/sleep', ['sleep', '600'])
    os._exit(0)
print('daemon: %s' % os.read(read, 20).decode(), file=sys.stderr)`;
    await addWheels(house, [{ name: 'daemon', version: '1.0', setup: attack({}, after) }]);
    const pid = Number(outcomes((await install(session, ['daemon'])).stderr).daemon);
    expect(pid).to.be.greaterThan(1);
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'gone');
    expect(command).to.not.include('sleep');
  });

  it('runs nothing that the session has put among its packages', async () => {
    const code = `import os
os.makedirs('.site-packages/pip-99.dist-info', exist_ok=True)
os.makedirs('.site-packages/pip', exist_ok=True)
for name in ('pip/__init__', 'pip/__main__', 'sitecustomize', 'setuptools'):
    open('.site-packages/%s.py' % name, 'w').write('raise SystemExit(77)')
open('.site-packages/pip-99.dist-info/METADATA', 'w').write('Name: pip\\nVersion: 99\\n')
open('.site-packages/x.pth', 'w').write('import sys; sys.exit(77)')`;
    await session.execute(code);
    await addWheels(house, [{ name: 'plain', version: '1.0', files: { 'plain.py': 'VALUE = 5' } }]);
    const { returncode } = await install(session, ['plain']);
    expect(returncode).to.equal(0);
    expect(await valueOf(session, 'import plain; plain.VALUE')).to.equal('5');
  });

  it('is never done where nobody allowed it', async () => {
    const closed = await openServer({ packages: { enabled: false } });
    try {
      const caller = new HttpCaller({ url: closed.url, token: closed.token ?? undefined, retries: 0 });
      const error = await refusal(await new Sojourn(caller).createSession(), ['plain']);
      expect(error).to.include({ code: 'forbidden' });
      expect(error.detail).to.include('packages.enabled');
    } finally {
      await closed.dispose();
    }
  });
});

describe('an index of packages', function () {
  this.timeout(60_000);

  it('is asked with its password, which nobody is told', async function () {
    await needs.python(this);
    await needs.pythonModule(this, 'pip');
    needs.linux(this);
    const house = await wheelhouse([
      { name: 'kept-back', version: '1.0', files: { 'kept_back.py': 'V = 1' } },
    ]);
    const wheel = 'kept_back-1.0-py3-none-any.whl';
    const asked: IncomingMessage[] = [];
    const index = createServer((request, response) => {
      asked.push(request);
      if (request.url === '/simple/kept-back/') {
        response.setHeader('content-type', 'text/html');
        response.end(`<!DOCTYPE html><html><body><a href="/${wheel}">${wheel}</a></body></html>`);
      } else if (request.url === `/${wheel}`) {
        void readFile(join(house, wheel)).then((bytes) => response.end(bytes));
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => index.listen(0, '127.0.0.1', resolve));
    const { port } = index.address() as AddressInfo;
    const index_url = `http://reader:${password}@127.0.0.1:${port}/simple/`;
    const server = await openServer({ packages: { enabled: true, index_url } });
    try {
      const caller = new HttpCaller({ url: server.url, token: server.token ?? undefined, retries: 0 });
      const session = await new Sojourn(caller).createSession();
      const { returncode, stderr } = await install(session, ['kept-back']);
      expect(returncode, stderr).to.equal(0);
      expect(await valueOf(session, 'import kept_back; kept_back.V')).to.equal('1');
      const basic = Buffer.from('reader:opensesame+1').toString('base64');
      expect(asked.some(({ headers }) => headers.authorization === `Basic ${basic}`)).to.equal(true);
      await install(session, ['not-there']);
      expect(JSON.stringify(await journal(session))).to.not.include('sesame');
    } finally {
      await server.dispose();
      index.closeAllConnections();
      await new Promise((resolve) => index.close(resolve));
    }
  });
});

/** The pieces of installing packages: requirements, where they come from, taking over, and coming back. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { loadConfig } from '../src/core/config.js';
import {
  assertLetIn,
  assertRequirements,
  secretsOf,
  sourceOptions,
} from '../src/engines/python/requirements.js';
import type { PackageOptions } from '../src/engines/python/requirements.js';
import { needs, pythonExecutable } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { install, refusal, valueOf } from './support/package-words.js';
import { PythonWorld } from './support/python-world.js';
import { startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { epochs } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { wheelhouse } from './support/wheelhouse.js';

const open: PackageOptions = { allow: [], deny: [], allowUrls: false, extraIndexUrls: [], findLinks: [] };

describe('requirements', () => {
  it('are names with extras and versions', () => {
    const fine = [
      'a',
      'A.b-c_d',
      'a[b,c-d]',
      'a == 1.0',
      'a>=1,<2,!=1.5',
      'a~=1.4.2',
      'a==1.*',
      ' a[b] ===1+x ',
    ];
    expect(() => assertRequirements(fine, open)).to.not.throw();
    for (const text of ['-a', 'a-', 'a b', 'a>', 'a==-1', 'a[', 'a;b', 'a==1 --pre', '@ http://x/y', 'é'])
      expect(() => assertRequirements([text], open), text).to.throw('is no requirement');
  });

  it('may be addresses where that is allowed', () => {
    const urls = ['https://h/a.whl', 'a @ https://h/a.whl', 'a[b] @ git+https://h/a@v1'];
    expect(() => assertRequirements(urls, { ...open, allowUrls: true })).to.not.throw();
    for (const text of [
      'ftp://h/a',
      'a @ file:///a',
      '-e git+https://h/a',
      'https://h/a --pre',
      'https://h/a\nb',
    ])
      expect(() => assertRequirements([text], { ...open, allowUrls: true }), text).to.throw(
        'is no requirement',
      );
  });

  it('are let in by name, whatever its spelling', () => {
    expect(() => assertLetIn(['Ruamel.YAML'], { ...open, allow: ['ruamel_yaml'] })).to.not.throw();
    expect(() => assertLetIn(['a', 'b'], { ...open, allow: ['a'] })).to.throw('b (packages.allow)');
    expect(() => assertLetIn(['a_B'], { ...open, allow: ['a-b'], deny: ['A.b'] })).to.throw('packages.deny');
  });
});

describe('where packages come from', () => {
  it('is PyPI, the index that is set, or folders alone', () => {
    expect(sourceOptions(open)).to.deep.equal([]);
    expect(sourceOptions({ ...open, findLinks: ['/w'] })).to.deep.equal(['--no-index', '--find-links', '/w']);
    expect(
      sourceOptions({ ...open, indexUrl: 'https://i', findLinks: ['/w'], proxy: 'http://p' }),
    ).to.deep.equal(['--index-url', 'https://i', '--find-links', '/w', '--proxy', 'http://p']);
  });

  it('has secrets where an address holds a password or a token', () => {
    expect(secretsOf({ ...open, indexUrl: 'https://pypi.example/simple' })).to.deep.equal([]);
    expect(secretsOf({ ...open, indexUrl: 'https://me:p%40ss@h/s', proxy: 'http://token@p' })).to.deep.equal([
      'me:p%40ss',
      'p%40ss',
      'token',
      'p@ss',
    ]);
  });

  it('is not repeated when the configuration is refused', () => {
    const given = { packages: { index_url: 'ftp://me:opensesame@h' } };
    expect(() => loadConfig({ given, file: null, env: {} })).to.throw('packages.index_url: (hidden)');
  });
});

describe('taking packages over', () => {
  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });
  after(() => PythonWorld.closeAll());

  /** Makes two versions of a package, one of them installed, and a way to look at all files. */
  const scene = `import os, pathlib
from sojourn_kernel import packages
def lay(root, files):
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
def info(version, files):
    base = 'p-%s.dist-info/' % version
    record = ''.join(name + ',,\\n' for name in [*files, base + 'RECORD', base + 'METADATA', '../../bin/tool', '../../../out', '/etc/x'])
    return {**files, base + 'METADATA': 'Name: p\\nVersion: %s\\n\\nlong' % version, base + 'RECORD': record, 'bin/tool': version}
def tree(root='.'):
    return {str(p.relative_to(root)): p.read_text() for p in sorted(pathlib.Path(root).rglob('*')) if p.is_file()}
pathlib.Path('out').write_text('mine')
lay('.site-packages', {**info('1', {'p/__init__.py': '1', 'p/gone/deep.py': '', 'space/p1.py': ''}), 'space/q.py': '', 'own.py': ''})
lay('.site-packages.new-a', info('2', {'p/__init__.py': '2', 'space/p2.py': ''}))
here = os.getcwd()
adopt = lambda: packages.adopt_packages(here, '.site-packages.new-a', lambda work: work())
before = tree()
`;

  it('replaces what the older version had, and leaves all else', async () => {
    const session = await (await PythonWorld.open()).session();
    const code = `${scene}adopt(); print(tree()['out'], sorted(tree('.site-packages')), os.path.exists('.site-packages/p/gone'), tree('.site-packages')['bin/tool'], sorted(os.listdir('.')))`;
    const report = await session.run(code);
    expect(report.outcome.error?.traceback).to.equal(undefined);
    expect(report.text('stdout').trim()).to.equal(
      `mine ['bin/tool', 'own.py', 'p-2.dist-info/METADATA', 'p-2.dist-info/RECORD', 'p/__init__.py', 'space/p2.py', 'space/q.py'] False 2 ['.site-packages', 'out']`,
    );
  });

  it('undoes everything when a step of it fails, whichever it is', async () => {
    const session = await (await PythonWorld.open()).session();
    const code = `${scene}
real, odd, steps = packages.rename, [], 0
while True:
    left = steps
    def failing(origin, target):
        global left
        left -= 1
        if left == -1: raise OSError('no more')
        real(origin, target)
    packages.rename = failing
    try:
        adopt()
        break
    except OSError:
        packages.rename = real
        installed = {name: text for name, text in tree().items()}
        if installed != {n: t for n, t in before.items() if '.new-a' not in n}: odd.append((steps, installed))
        lay('.site-packages.new-a', info('2', {'p/__init__.py': '2', 'space/p2.py': ''}))
    steps += 1
print(steps > 8, odd)`;
    const report = await session.run(code);
    expect(report.outcome.error?.traceback).to.equal(undefined);
    expect(report.text('stdout').trim()).to.equal('True []');
  });
});

describe('packages that were installed', function () {
  this.timeout(120_000);

  before(async function () {
    await needs.python(this);
    await needs.pythonModule(this, 'pip');
    needs.linux(this);
  });

  it('are there after the server was killed, without asking anybody for them again', async () => {
    const dataDir = join(await temporaryFolder(), 'data');
    const house = await wheelhouse([
      { name: 'lasting', version: '1.0', files: { 'lasting.py': 'class Kept:\n    value = 42' } },
    ]);
    // Nothing but a checkpoint that the installation itself takes can have it.
    const env = { SOJOURN_PACKAGES_ENABLED: 'true', SOJOURN_CHECKPOINT_INTERVAL_MS: '1000000' };
    const connect = ({ url, token }: ServerProcess) =>
      new Sojourn(new HttpCaller({ url, token, retries: 0 }));
    let server = await startServerProcess(dataDir, { ...env, SOJOURN_PACKAGES_FIND_LINKS: house });
    const before = await connect(server).createSession({ sessionId: 'a' });
    expect((await install(before, ['lasting'])).returncode).to.equal(0);
    await server.kill();
    server = await startServerProcess(dataDir);
    const session = connect(server).session('a');
    expect(await valueOf(session, 'import lasting; lasting.Kept().value')).to.equal('42');
    expect(await epochs(session)).to.have.length(1);
    expect((await epochs(session))[0]).to.deep.include({ cause: 'server_restarted', replayed: [], lost: [] });
    await server.stop();
  });

  it('need a Python that has pip', async () => {
    const bare = join(await temporaryFolder(), 'bare');
    await promisify(execFile)(pythonExecutable, ['-m', 'venv', '--without-pip', bare]);
    const server = await openServer({
      python: { executable: join(bare, 'bin', 'python') },
      packages: { enabled: true },
    });
    try {
      const caller = new HttpCaller({ url: server.url, token: server.token ?? undefined, retries: 0 });
      const error = await refusal(await new Sojourn(caller).createSession(), ['anything']);
      expect(error).to.include({ code: 'engine_unavailable' });
      expect(error.detail).to.include('it has no pip');
    } finally {
      await server.dispose();
    }
  });
});

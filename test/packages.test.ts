/** Installing packages into a session, with real pip and packages made on the spot. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { install, installed, presentIn, refusal, valueOf } from './support/package-words.js';
import { codeOf, journal } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { wheelhouse } from './support/wheelhouse.js';
import type { SourceSpec, WheelSpec } from './support/wheelhouse.js';

const packages: (WheelSpec | SourceSpec)[] = [
  { name: 'tally-one', version: '1.0', files: { 'tally_one.py': 'VERSION = 1', 'only_in_one.py': '' } },
  { name: 'tally-one', version: '2.0', files: { 'tally_one.py': 'VERSION = 2' } },
  {
    name: 'leaning',
    version: '0.1',
    files: { 'leaning/__init__.py': 'import tally_one' },
    requires: ['tally-one<2'],
  },
  { name: 'unwanted', version: '1.0', files: { 'unwanted.py': '' } },
  { name: 'carrier', version: '1.0', files: { 'carrier.py': '' }, requires: ['Unwanted'] },
  { name: 'failing', version: '1.0', setup: `raise SystemExit('this cannot be built')` },
  { name: 'slow', version: '1.0', setup: 'import signal\nsignal.pause()' },
  { name: 'suicidal', version: '1.0', setup: 'import os\nos.kill(-1, 9)' },
  { name: 'enum', version: '9.0', files: { 'enum.py': 'raise ImportError("not the library")' } },
];

describe('packages of a Python session', function () {
  this.timeout(120_000);
  let server: RunningServer;
  let client: Sojourn;
  let dataDir: string;

  before(async function () {
    await needs.python(this);
    await needs.pythonModule(this, 'pip');
    needs.linux(this);
    dataDir = join(await temporaryFolder('packages'), 'data');
    const find_links = [await wheelhouse(packages)];
    const given = { enabled: true, deny: ['UnWanted'], find_links };
    server = await openServer({ data_dir: dataDir, packages: given });
    client = new Sojourn(new HttpCaller({ url: server.url, token: server.token ?? undefined, retries: 0 }));
  });
  afterEach(async () => {
    const folders = await readdir(join(dataDir, 'workspaces'));
    expect(folders.filter((name) => name.startsWith('.install-'))).to.deep.equal([]);
  });
  after(() => server?.dispose());

  it('can be imported at once, and come with what they need', async () => {
    const session = await client.createSession();
    expect(await valueOf(session, 'import leaning')).to.include('ModuleNotFoundError');
    const result = await install(session, ['leaning']);
    expect(result).to.include({ returncode: 0, stderr: '' });
    expect(result.installed_packages).to.have.deep.members([
      { name: 'leaning', version: '0.1' },
      { name: 'tally-one', version: '1.0' },
    ]);
    expect(await valueOf(session, 'import leaning; leaning.tally_one.VERSION')).to.equal('1');
  });

  it('are the own of one session: another has none of them', async () => {
    const [mine, other] = await Promise.all([client.createSession(), client.createSession()]);
    await Promise.all([installed(mine, ['tally-one==1.0']), installed(other, ['tally-one==2.0'])]);
    const code = 'import tally_one; tally_one.VERSION';
    expect([await valueOf(mine, code), await valueOf(other, code)]).to.deep.equal(['1', '2']);
    const third = await client.createSession();
    expect(await valueOf(third, code)).to.include('ModuleNotFoundError');
  });

  it('tell of their progress as the output of the call, which the journal keeps', async () => {
    const session = await client.createSession();
    const { stdout } = await install(session, ['tally-one']);
    const events = await journal(session);
    const input = events.find((event) => event.type === 'input');
    const told = events.flatMap((event) =>
      event.type === 'stdout' && event.input_seq === input?.seq ? [event.text] : [],
    );
    expect(told.join('')).to.equal(stdout).and.include('Successfully installed tally-one-2.0');
    expect(input).to.deep.include({ operation: 'install_dependencies', replay: false });
  });

  it('stay as they are until an upgrade is asked for, which leaves nothing of the old one behind', async () => {
    const session = await client.createSession();
    await installed(session, ['tally-one==1.0']);
    await session.execute('import tally_one');
    expect(await install(session, ['tally-one'])).to.deep.include({ returncode: 0, installed_packages: [] });
    const result = await install(session, ['tally-one'], { upgrade: true });
    expect(result.installed_packages).to.deep.equal([{ name: 'tally-one', version: '2.0' }]);
    expect(result.stderr).to.include('tally_one is imported already');
    expect(await presentIn(session)).to.equal(
      `['.site-packages', 'tally_one-2.0.dist-info', 'tally_one.py']`,
    );
    expect(await valueOf(session, 'tally_one.VERSION')).to.equal('1');
    await session.restart({ keepState: true });
    expect(await valueOf(session, 'tally_one.VERSION')).to.equal('2');
  });

  it('stand behind the standard library and before what all sessions share', async () => {
    const session = await client.createSession();
    expect((await install(session, ['enum'])).returncode).to.equal(0);
    expect(await valueOf(session, 'import sys; del sys.modules["enum"]; import enum; enum.Enum')).to.equal(
      `<enum 'Enum'>`,
    );
    const code = `import os; [os.path.basename(p) for p in sys.path if p.endswith('-packages')][:2]`;
    expect(await valueOf(session, code)).to.equal(`['.site-packages', 'dist-packages']`);
  });

  it('are there again after the session has slept', async () => {
    const session = await client.createSession();
    await installed(session, ['leaning']);
    await session.execute('from leaning import tally_one as t');
    await session.hibernate();
    expect(await valueOf(session, 't.VERSION')).to.equal('1');
  });

  it('that nobody has are a result with a return code, and a reason', async () => {
    const session = await client.createSession();
    const result = await install(session, ['nobody-has-this']);
    expect(result.returncode).to.be.greaterThan(0);
    expect(result.stderr).to.include('No matching distribution found for nobody-has-this');
    expect(result.installed_packages).to.deep.equal([]);
    expect(await presentIn(session)).to.equal('[]');
  });

  it('that cannot be built change nothing, nor do those asked for with them', async function () {
    await needs.sandbox(this);
    const session = await client.createSession();
    await installed(session, ['tally-one==1.0']);
    const before = await presentIn(session);
    const result = await install(session, ['tally-one==2.0', 'failing'], { upgrade: true });
    expect(result.returncode).to.be.greaterThan(0);
    expect(result.stderr).to.include('this cannot be built');
    expect(await presentIn(session)).to.equal(before);
    expect(await valueOf(session, 'import tally_one; tally_one.VERSION')).to.equal('1');
  });

  it('that are not let in are refused by every spelling of their name, and as dependencies too', async () => {
    const session = await client.createSession();
    for (const name of ['unwanted', 'Unwanted==1.0', 'carrier']) {
      const error = await refusal(session, [name]);
      expect(error).to.include({ code: 'forbidden' });
      expect(error.detail).to.include('unwanted (packages.deny)');
    }
    expect(await presentIn(session)).to.equal('[]');
  });

  it('are named: options, addresses and paths do not get through', async () => {
    const session = await client.createSession();
    const smuggled = [
      '--index-url=http://127.0.0.1/',
      '-e .',
      '-r/etc/passwd',
      ' --pre',
      'tally-one --pre',
      'tally-one\n--pre',
      './tally',
      '/etc/passwd',
      '../x.whl',
      'file:///etc/passwd',
      'tally-one @ file:///etc/passwd',
      'git+ssh://host/x',
      '',
      'tally-one; import os',
    ];
    for (const text of smuggled)
      expect((await refusal(session, [text])).code, text).to.equal('invalid_params');
    for (const text of ['https://host/x.whl', 'tally-one @ git+https://host/x'])
      expect((await refusal(session, [text])).detail).to.include('packages.allow_urls');
    const error = await refusal(session, []);
    expect(error).to.include({ code: 'invalid_params', detail: 'No packages provided for installation' });
  });

  it('can be given up: an interrupt and a time limit change nothing, and the session answers meanwhile', async function () {
    await needs.sandbox(this);
    const session = await client.createSession();
    await installed(session, ['tally-one==1.0']);
    await session.execute('kept = 1');
    const before = await presentIn(session);
    const stopped = refusal(session, ['tally-one==2.0', 'slow'], { upgrade: true });
    for await (const event of session.events())
      if (event.type === 'stdout' && event.text.includes('slow-1.0')) break;
    expect((await session.variables()).map(({ name }) => name)).to.deep.equal(['kept']);
    expect(await session.interrupt()).to.equal(true);
    expect(await stopped).to.deep.include({ code: 'timeout' });
    const late = await refusal(session, ['slow'], { timeout_s: 0.1 });
    expect(late.detail).to.include('(timeout)');
    expect(await presentIn(session)).to.equal(before);
  });

  it('change nothing when what installs them is killed', async function () {
    await needs.sandbox(this);
    const session = await client.createSession();
    const error = await refusal(session, ['suicidal']);
    expect(error.code).to.equal('internal');
    expect(await presentIn(session)).to.equal('[]');
    expect(await valueOf(session, '1 + 1')).to.equal('2');
  });

  it('are not built where sessions share the uid of the server, and that is said', async function () {
    needs.ordinaryUser(this);
    const { returncode, stderr } = await install(await client.createSession(), ['failing']);
    expect(returncode).to.be.greaterThan(0);
    expect(stderr).to.include('only wheels are installed here').and.not.include('this cannot be built');
  });

  it('do not hold up the end of their session', async function () {
    await needs.sandbox(this);
    const session = await client.createSession();
    const stopped = codeOf(install(session, ['slow']));
    for await (const event of session.events())
      if (event.type === 'stdout' && event.text.includes('slow-1.0')) break;
    await session.delete();
    expect(await stopped).to.be.oneOf(['timeout', 'closed', 'session_not_found']);
  });
});

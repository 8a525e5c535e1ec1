import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig, settingPaths } from '../src/core/config.js';
import type { ConfigSources } from '../src/core/config.js';
import { isSojournError } from '../src/types/errors.js';
import { temporaryFolder } from './support/temporary-folder.js';

const load = (sources: ConfigSources) => loadConfig({ env: { HOME: '/home/u' }, file: null, ...sources });

function refusal(sources: ConfigSources): string {
  try {
    load(sources);
  } catch (error) {
    if (isSojournError(error, 'invalid_params')) return error.detail;
    throw error;
  }
  throw new Error('the configuration was taken');
}

async function file(text: string): Promise<string> {
  const path = join(await temporaryFolder(), 'sojourn.yaml');
  await writeFile(path, text);
  return path;
}

describe('configuration', () => {
  it('has a default for everything', () => {
    const config = load({});
    expect(config.port).to.equal(8765);
    expect(config.host).to.equal('127.0.0.1');
    expect(config.durability).to.equal('os');
    expect(config.data_dir).to.equal('/home/u/.local/share/sojourn');
  });

  it('puts the file over defaults, the environment over the file, and flags over all', async () => {
    const path = await file(
      'port: 1001\npool:\n  max_live_sessions: 11\n  max_memory_bytes: 111\nlog:\n  level: warn\n',
    );
    const env = { SOJOURN_POOL_MAX_LIVE_SESSIONS: '22', SOJOURN_PORT: '1002' };
    const config = load({ file: path, env, given: { port: 1003 } });
    expect(config.port).to.equal(1003);
    expect(config.pool).to.deep.equal({ max_live_sessions: 22, max_memory_bytes: 111 });
    expect(config.log.level).to.equal('warn');
  });

  it('finds data under XDG_DATA_HOME, and beside a relative data_dir from where it was started', () => {
    expect(load({ env: { XDG_DATA_HOME: '/x' } }).data_dir).to.equal('/x/sojourn');
    expect(load({ given: { data_dir: './state' }, cwd: '/here' }).data_dir).to.equal('/here/state');
  });

  it('names an unknown key, its value, its file and what was probably meant', async () => {
    const path = await file('pool:\n  max_live_session: 5\n');
    const detail = refusal({ file: path });
    expect(detail).to.include('pool.max_live_session').and.include('5').and.include(path);
    expect(detail).to.include('did you mean pool.max_live_sessions?');
  });

  it('names a value of the wrong type and where it stands', async () => {
    const path = await file('port: often\n');
    expect(refusal({ file: path }))
      .to.include('port')
      .and.include('"often"')
      .and.include(path);
    expect(refusal({ env: { SOJOURN_PORT: '99999' } }))
      .to.include('port')
      .and.include('in the environment');
  });

  it('says how a setting is nested that is written with a dot', async () => {
    const path = await file('python.sandbox: off\n');
    expect(refusal({ file: path })).to.equal(
      `python.sandbox: "off" in ${path} is written nested, as python: {sandbox: "off"}, not with a dot.`,
    );
  });

  it('hides what may be a secret in what it says of a setting that is not valid', async () => {
    const dotted = await file('packages.index_url: https://me:pass@x.example/\n');
    expect(refusal({ file: dotted }))
      .to.include('nested')
      .and.not.include('pass');
    const listed = await file('packages:\n  find_links: https://me:pass@x.example/\n');
    expect(refusal({ file: listed }))
      .to.include('x.example')
      .and.not.include('pass');
  });

  it('shows the value of a list that is not valid', async () => {
    const path = await file('packages:\n  find_links:\n    - 7\n');
    expect(refusal({ file: path })).to.include(`packages.find_links.0: 7 in ${path} is not valid`);
  });

  it('refuses an unknown variable of its own prefix, and leaves others alone', () => {
    expect(refusal({ env: { SOJOURN_PROT: '1' } })).to.include('did you mean SOJOURN_PORT?');
    expect(load({ env: { OTHER_PROT: '1', SOJOURN_URL: 'http://x' } }).port).to.equal(8765);
  });

  it('never shows a token', () => {
    expect(refusal({ env: { SOJOURN_TOKEN: 'short' } })).not.to.include('short');
  });

  it('refuses broken YAML, a list and a missing file in one sentence', async () => {
    expect(refusal({ file: await file('a: [1') })).to.include('not valid YAML');
    expect(refusal({ file: await file('- 1\n') })).to.include('mapping');
    expect(refusal({ file: '/nowhere/sojourn.yaml' })).to.include('/nowhere/sojourn.yaml');
  });

  it('serves everybody without a token on loopback only', () => {
    expect(load({ given: { auth: 'none' } }).auth).to.equal('none');
    expect(refusal({ given: { auth: 'none', host: '0.0.0.0' } })).to.include('loopback');
  });

  it('cannot be changed once it is read', () => {
    const config = load({});
    expect(() => Object.assign(config.pool, { max_live_sessions: 1 })).to.throw(TypeError);
  });

  it('reads lists from the environment', () => {
    expect(load({ env: { SOJOURN_PYTHON_PRELOAD: 'json,math' } }).python.preload).to.deep.equal([
      'json',
      'math',
    ]);
    expect(load({ env: { SOJOURN_ALLOWED_HOSTS: 'a.example' } }).allowed_hosts).to.deep.equal(['a.example']);
  });

  it('gives every setting a name of its own in the environment', () => {
    const names = settingPaths().map((path) => path.join('_').toUpperCase());
    expect(new Set(names).size).to.equal(names.length);
  });
});

/**
 * The acceptance rows P-14 and P-15, as far as the machine and not the text of code decides: what a policy lets
 * through ends at the sandbox. Without a sandbox the same code gets through, which proves that it is the sandbox.
 */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { EscapeWorld } from './support/escape-world.js';
import { escapeSuite } from './support/escape-world.js';
import { needs } from './support/needs.js';
import { codeOf } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';

interface Target {
  readonly world: EscapeWorld;
  /** A table that anybody on this machine may read and write. */
  readonly outside: string;
  /** Where a server on this machine answers with a table. */
  readonly address: string;
}
interface Attack {
  code(target: Target): string;
  readonly refused: RegExp;
  /** What comes of it where nothing is locked. */
  readonly done: RegExp;
}

const text = (value: string) => JSON.stringify(value);
const reading = (path: string) => `import pandas as pd\nprint(pd.read_csv(${text(path)}, sep='|'))`;
/** A module that no import names. */
const hidden = (call: string) => `import pandas as pd\nprint(getattr(pd.io.common, 'o' + 's').${call})`;
const classes = `def below(kind, name): return [c for c in kind.__subclasses__() if c.__name__ == name][0]
top = ().__class__.__base__
`;
const library = `import ctypes
libc = ctypes.CDLL(None)
`;
const denied = /^PermissionError: \[Errno (1|13)\]/;
const noProgram = /^32512\n$/;

const underAnyPolicy: Record<string, Attack> = {
  'reads no file outside of the workspace': {
    code: ({ outside }) => reading(outside),
    refused: denied,
    done: /1,secret/,
  },
  'reads no file of the machine': {
    code: () => reading('/etc/passwd'),
    refused: denied,
    done: /root:x:0/,
  },
  'does not even find the token of the server': {
    code: ({ world }) => reading(join(world.dataDir, 'token')),
    refused: /^FileNotFoundError/,
    done: /Columns/,
  },
  'writes no file outside of the workspace': {
    code: ({ outside }) =>
      `import pandas as pd\nprint(pd.DataFrame({'a': [1]}).to_csv(${text(outside)}, mode='a'))`,
    refused: denied,
    done: /^None\n$/,
  },
  'gets nothing from the network': {
    code: ({ address }) => reading(address),
    refused: /^URLError: .*Operation not permitted/,
    done: /served/,
  },
  'starts no program': {
    code: () => hidden(`system('echo started')`),
    refused: noProgram,
    done: /^started\n0\n$/,
  },
  'reaches no other process': {
    code: ({ world }) => hidden(`kill(${world.target.pid}, 0)`),
    refused: denied,
    done: /^None\n$/,
  },
};

const aroundEveryRule: Record<string, Attack> = {
  'reads bytes of outside files no more than tables': {
    code: ({ outside }) => `import numpy as np\nprint(np.fromfile(${text(outside)}, dtype='u1').tobytes())`,
    refused: denied,
    done: /1,secret/,
  },
  'opens no file by a class that it finds': {
    code: ({ outside }) =>
      `${classes}raw = below(below(below(top, '_IOBase'), '_RawIOBase'), 'FileIO')\nprint(raw(${text(outside)}).read())`,
    refused: denied,
    done: /1,secret/,
  },
  'starts no program by a class that it finds': {
    code: () => `${classes}print(below(top, '_wrap_close').__init__.__globals__['system']('echo started'))`,
    refused: noProgram,
    done: /^started\n0\n$/,
  },
  'opens no file by ctypes': {
    code: ({ outside }) => `${library}print(libc.open(${text(outside)}.encode(), 0))`,
    refused: /^-1\n$/,
    done: /^\d+\n$/,
  },
  'opens no socket by ctypes': {
    code: () => `${library}print(libc.socket(2, 1, 0))`,
    refused: /^-1\n$/,
    done: /^\d+\n$/,
  },
  'starts no program by ctypes': {
    code: () => `${library}print(libc.system(b'echo started'))`,
    refused: noProgram,
    done: /^started\n0\n$/,
  },
  'reaches no other process by ctypes': {
    code: ({ world }) => `${library}print(libc.kill(${world.target.pid}, 0))`,
    refused: /^-1\n$/,
    done: /^0\n$/,
  },
};

describe('what Python tools reach', () => {
  const get = escapeSuite({ allow_sandbox: ['strict', 'off'], preload: ['numpy', 'pandas'] });
  let outside: string;
  let web: Server;
  let visits = 0;

  before(async function () {
    await needs.pythonModule(this, 'pandas');
    outside = join(await temporaryFolder('outside'), 'table.csv');
    web = createServer((_request, response) => {
      visits += 1;
      response.end('served\n');
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
  });
  beforeEach(async () => {
    visits = 0;
    await writeFile(outside, 'a,b\n1,secret\n', { mode: 0o666 });
  });
  after(() => web?.close());

  const target = (): Target => {
    const { port } = web.address() as AddressInfo;
    return { world: get(), outside, address: `http://127.0.0.1:${port}/table.csv` };
  };
  const outcome = async (code: string, options: Record<string, unknown>): Promise<string> => {
    const session = await get().client.createSession({ options });
    try {
      const { stdout, error } = await session.execute(code);
      return error ? `${error.name}: ${error.message}` : stdout;
    } finally {
      await session.delete();
    }
  };
  const isRefused = async ({ code, refused, done }: Attack, policy: 'open' | 'restricted') => {
    expect(await outcome(code(target()), { policy })).to.match(refused);
    expect(visits).to.equal(0);
    expect(await readFile(outside, 'utf8')).to.equal('a,b\n1,secret\n');
    expect(await outcome(code(target()), { policy, sandbox: 'off' }), 'without a sandbox').to.match(done);
  };

  for (const policy of ['open', 'restricted'] as const) {
    for (const [title, attack] of Object.entries(underAnyPolicy))
      it(`P-14: under the policy ${policy} ${title}`, () => isRefused(attack, policy));

    it(`P-14: under the policy ${policy} works on the files of the workspace`, async () => {
      const code = `import pandas as pd
pd.DataFrame({'a': [1, 2]}).to_csv('table.csv', index=False)
print(pd.read_csv('table.csv')['a'].sum())`;
      expect(await outcome(code, { policy })).to.equal('3\n');
    });
  }

  for (const [title, attack] of Object.entries(aroundEveryRule))
    it(`P-15: ${title}`, () => isRefused(attack, 'open'));

  it('P-15: the policy restricted rejects the ways by classes and by ctypes before they run', async () => {
    for (const [title, { code }] of Object.entries(aroundEveryRule).slice(1)) {
      const running = outcome(code(target()), { policy: 'restricted' });
      expect(await codeOf(running), title).to.equal('code_rejected');
    }
  });
});

import { join } from 'node:path';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { describeTransportContract } from '../src/contracts/transport.js';
import { createSojourn } from '../src/embedded.js';
import { needs, pythonExecutable } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { temporaryFolder } from './support/temporary-folder.js';

for (const store of ['memory', 'sqlite']) {
  describe(`in process, ${store} store`, () => {
    before(function () {
      return needs.python(this);
    });
    describeTransportContract('the in-process transport', async () => {
      const dataDir = join(await temporaryFolder(), 'data');
      const client = await createSojourn({
        store,
        dataDir,
        python: { executable: pythonExecutable, preload: [] },
        shutdownGraceS: 0.2,
      });
      return { client, close: () => client.close() };
    });
  });

  describe(`REST, ${store} store`, () => {
    before(function () {
      return needs.python(this);
    });
    describeTransportContract('the REST transport', async () => {
      const server = await openServer({ store });
      const client = new Sojourn(new HttpCaller({ url: server.url, token: server.token }));
      return {
        client,
        close: async () => {
          await client.close();
          await server.dispose();
        },
      };
    });
  });
}

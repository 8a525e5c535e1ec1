import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';

describe('many sessions at once', function () {
  this.timeout(120_000);
  before(function () {
    return needs.python(this);
  });

  it('all answer with their own state, 200 of them created at the same time', async () => {
    const server = await openServer();
    const client = new Sojourn(new HttpCaller({ url: server.url, token: server.token }));
    try {
      const sessions = await Promise.all(
        Array.from({ length: 200 }, (_, index) => client.createSession({ sessionId: `s${index}` })),
      );
      await Promise.all(sessions.map((session, index) => session.execute(`x = ${index}`)));
      const answers = await Promise.all(sessions.map((session) => session.execute('x * 2')));
      expect(answers.map(({ output }) => Number(output))).to.deep.equal(
        sessions.map((_session, index) => index * 2),
      );
      expect((await client.listSessions()).totalSessions).to.equal(200);
    } finally {
      await client.close();
      await server.dispose();
    }
  });
});

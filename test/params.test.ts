/** What is said of parameters that an operation cannot take, by every operation alike. */
import { expect } from 'chai';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import type { RunningServer } from '../src/server.js';

interface Described {
  requestBody?: { content: Record<string, { schema?: { additionalProperties?: unknown } }> };
}

describe('parameters', () => {
  let server: RunningServer;
  before(async function () {
    await needs.python(this);
    server = await openServer();
    await ask('/api/sessions', { session_id: 'a' });
  });
  after(() => server?.dispose());

  const headers = () => ({
    Authorization: `Bearer ${server.token ?? ''}`,
    'Content-Type': 'application/json',
  });
  async function ask(path: string, body: object): Promise<{ status: number; detail: unknown }> {
    const init = { method: 'POST', headers: headers(), body: JSON.stringify(body) };
    const response = await fetch(server.url + path, init);
    const { detail } = (await response.json()) as { detail?: unknown };
    return { status: response.status, detail };
  }

  it('that are unknown are refused by every operation that takes JSON', async () => {
    const response = await fetch(`${server.url}/api/openapi.json`, { headers: headers() });
    const { paths } = (await response.json()) as { paths: Record<string, Record<string, Described>> };
    const open = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) => {
        const schema = requestBody?.content['application/json']?.schema;
        return schema && schema.additionalProperties !== false ? [`${method} ${path}`] : [];
      }),
    );
    expect(open).to.deep.equal([]);
  });

  for (const [operation, params] of Object.entries({
    set_variable: { name: 'x', value: 1 },
    install_dependencies: { packages: ['x'] },
    run_script: { path: 'x.py' },
    complete: { code: '' },
    list_variables: {},
  })) {
    it(`that are unknown are refused by ${operation}`, async () => {
      const { status, detail } = await ask(`/api/sessions/a/${operation}`, { ...params, bogus: 2 });
      expect([status, detail]).to.deep.equal([400, 'Unrecognized key: "bogus"']);
    });
  }

  it('that are missing are called missing, and others what they are', async () => {
    expect((await ask('/api/sessions/a/set_variable', { value: 1 })).detail).to.equal('name: is missing');
    const { detail } = await ask('/api/sessions/a/set_variable', { name: 1, value: 1 });
    expect(detail).to.equal('name: Invalid input: expected string, received number');
    expect((await ask('/api/sessions/a/get_output', {})).detail).to.equal('seq: is missing');
  });

  it('among the options of a session are named below it, an unknown one beside it', async () => {
    const unknown = await ask('/api/sessions', { options: { bogus: 1 } });
    expect(unknown.detail).to.equal('options: Unrecognized key: "bogus"');
    expect((await ask('/api/sessions', { options: { sandbox: 7 } })).detail).to.match(/^options\.sandbox: /);
  });

  it('cost a variable nothing when they are refused', async () => {
    await ask('/api/sessions/a/set_variable', { name: 'x', value: 1, bogus: 2 });
    const { detail } = await ask('/api/sessions/a/get_variable', { name: 'x' });
    expect(detail).to.include("'x'");
  });
});

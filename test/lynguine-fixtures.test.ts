import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import type { RunningServer } from '../src/server.js';
import { openServer } from './support/open-server.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** Every call that was made to the running lynguine, with its answer; `sojourn` says where this server differs. */

const members = z.record(z.string(), z.unknown());
const answerSchema = z.object({ status: z.number(), response: members });
const callSchema = answerSchema.extend({
  method: z.string(),
  op: z.string().optional(),
  path: z.string().optional(),
  body: members.optional(),
  sojourn: answerSchema.optional(),
});
const recordedSchema = z.object({
  sessions: z.array(
    z.object({
      interface_file: z.string(),
      request_extra: members,
      create_status: z.number(),
      session: members.optional(),
      error: members.optional(),
      calls: z.array(callSchema).default([]),
    }),
  ),
  other: z.array(callSchema),
});
type Call = z.infer<typeof callSchema>;

const recorded = recordedSchema.parse(JSON.parse(readFileSync('test/fixtures/data/expected.json', 'utf8')));

/** Left out of the recording: they differ each time. */
const varying = ['session_id', 'memory_mb', 'created_time', 'last_accessed', 'age_seconds', 'idle_seconds'];
const varyingOfStatus = ['pid', 'uptime_seconds', 'memory', 'cpu_percent'];

const without = (value: unknown, names: readonly string[]) =>
  Object.fromEntries(Object.entries(members.parse(value)).filter(([name]) => !names.includes(name)));

const says = ({ method, op, path, body }: Call) =>
  `${method} ${path ?? op ?? ''}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`;

describe('what lynguine was recorded to answer', () => {
  let server: RunningServer;
  let root: string;

  before(async () => {
    const folder = await temporaryFolder('lynguine');
    root = join(folder, 'files');
    await cp('test/fixtures/data', root, { recursive: true });
    server = await openServer({ data_dir: join(folder, 'data'), data: { roots: [root] } });
  });
  after(() => server.dispose());

  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${server.url}/compat/lynguine${path}`, {
      method,
      headers: { Authorization: `Bearer ${server.token ?? ''}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(response.headers.get('content-type')).to.equal('application/json');
    const text = await response.text();
    return { status: response.status, response: members.parse(JSON.parse(text.replaceAll(root, '<ROOT>'))) };
  };

  const check = async (call: Call, path: string) => {
    const { status, response } = await ask(call.method, path, call.body);
    const wanted = call.sojourn ?? call;
    const seen = without(
      response,
      path === '/api/status' ? ['traceback', ...varyingOfStatus] : ['traceback'],
    );
    if (JSON.stringify(wanted.response).includes('"<random>"')) {
      const { records, ...rest } = members.parse(seen.data);
      expect(records).to.be.an('array');
      seen.data = { records: '<random>', ...rest };
    }
    expect({ status, response: seen }).to.deep.equal({ status: wanted.status, response: wanted.response });
    if (wanted.status >= 400 && 'error_type' in wanted.response) expect(response.traceback).to.equal('');
  };

  for (const { interface_file, request_extra, create_status, session, error, calls } of recorded.sessions) {
    describe(`of a session of ${interface_file}`, () => {
      let id = '';
      const create = () => ask('POST', '/api/sessions', { interface_file, ...request_extra });

      if (error) {
        it('is an error', async () => {
          const { status, response } = await create();
          expect(status).to.equal(create_status);
          const { error_message_prefix: prefix, ...rest } = error;
          if (typeof prefix === 'string')
            expect(response.error_message).to.satisfy((text: string) => text.startsWith(prefix));
          expect(response).to.deep.include({ status: 'error', ...rest });
        });
        return;
      }
      before(async () => {
        const { status, response } = await create();
        expect([status, response.error_message]).to.deep.equal([create_status, undefined]);
        const made = members.parse(response.session);
        expect(without(made, varying)).to.deep.equal(session);
        id = z.string().parse(made.session_id);
      });
      for (const [place, call] of calls.entries()) {
        it(`${place + 1}: ${says(call)}`, () => check(call, `/api/sessions/${id}/${call.op ?? ''}`));
      }
    });
  }

  describe('of no session', () => {
    for (const [place, call] of recorded.other.entries()) {
      it(`${place + 1}: ${says(call)}`, () => check(call, call.path ?? ''));
    }
  });
});

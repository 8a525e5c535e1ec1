import { expect } from 'chai';
import { pythonRepr } from '../src/api/dialects/python-text.js';
import { SojournError } from '../src/types/errors.js';
import type { ErrorCode } from '../src/types/errors.js';
import { dialectSessionId as id, LynguineDoor } from './support/lynguine-door.js';

const wrong =
  (code: ErrorCode, fields: Record<string, unknown> = {}, detail = 'It is so.') =>
  () => {
    throw new SojournError(code, detail, fields);
  };

describe('errors of the lynguine dialect', () => {
  let door: LynguineDoor;
  beforeEach(() => {
    door = new LynguineDoor();
  });

  const cases: [string, string, Record<string, unknown>, () => never, number, string, string][] = [
    [
      'immutable',
      'set_value',
      { value: 1 },
      wrong('not_supported', { reason: 'immutable', column: 'age' }),
      404,
      'KeyError',
      `'Column "age" is immutable and cannot be modified.'`,
    ],
    [
      'parameters',
      'set_value',
      { value: 1 },
      wrong('not_supported', { reason: 'parameters' }),
      404,
      'KeyError',
      `"Cannot modify individual elements in 'parameters' type data."`,
    ],
    [
      'selector',
      'set_selector',
      { column: 'age' },
      wrong('column_not_found', { reason: 'not_series', column: 'age' }),
      404,
      'KeyError',
      `'Column "age" is not a series column.'`,
    ],
    [
      'unknown selector',
      'set_selector',
      { column: 'no' },
      wrong('column_not_found', { column: 'no', reason: 'selector' }),
      404,
      'KeyError',
      `'Invalid selector set.'`,
    ],
    [
      'no selector',
      'get_value',
      {},
      wrong('column_not_found', { reason: 'selector_unset' }),
      404,
      'KeyError',
      `'Selector not set.'`,
    ],
    [
      'no selector to write',
      'set_value',
      { value: 1 },
      wrong('column_not_found', { reason: 'selector_unset' }),
      500,
      'ValueError',
      'Selector not set.',
    ],
    [
      'subindex',
      'set_subindex',
      { value: 9 },
      wrong('index_not_found', { reason: 'subindex' }),
      404,
      'KeyError',
      `'Invalid subindex set.'`,
    ],
    [
      'index',
      'set_index',
      { index: 'No' },
      wrong('index_not_found'),
      404,
      'KeyError',
      `'Index "No" not found in data'`,
    ],
    [
      'number as index',
      'set_index',
      { index: 7 },
      wrong('index_not_found'),
      404,
      'KeyError',
      `'Index "7" not found in data'`,
    ],
    [
      'column',
      'set_column',
      { column: 'no' },
      wrong('column_not_found'),
      404,
      'KeyError',
      `'Attempting to add column "no" as a set request has been given to non existent column.'`,
    ],
    [
      'column of the plan',
      'get_column',
      { column: 'no' },
      wrong('column_not_found', {}, "No column 'no'."),
      404,
      'KeyError',
      `"No column 'no'."`,
    ],
    [
      'wrong type',
      'filter',
      { column: 'age', value: 'x' },
      wrong('data_error', {}, 'age is int64.'),
      500,
      'ValueError',
      'age is int64.',
    ],
    [
      'gone meanwhile',
      'get_shape',
      {},
      wrong('session_not_found'),
      404,
      'KeyError',
      `'Session not found: ${id}'`,
    ],
    ['busy', 'get_shape', {}, wrong('session_busy', {}, 'Busy.'), 500, 'RuntimeError', 'Busy.'],
  ];
  for (const [what, operation, body, fail, status, type, message] of cases) {
    it(`tell of ${what} in ${operation} as ${type}`, async () => {
      door.handlers[operation] = fail;
      const said = await door.operate(operation, body);
      expect([said.status, said.json.error_type, said.json.error_message]).to.deep.equal([
        status,
        type,
        message,
      ]);
    });
  }

  const creations: [string, () => never, string, string][] = [
    [
      'a missing interface file',
      wrong('file_not_found', { path: '/r/a.yml' }, 'Interface file not found: /r/a.yml'),
      'FileNotFoundError',
      'Interface file not found: /r/a.yml',
    ],
    [
      'a missing table',
      wrong('interface_invalid', { reason: 'file_missing', path: '/r/x.csv' }),
      'FileNotFoundError',
      'It is so.',
    ],
    ['a path outside', wrong('invalid_params', { reason: 'path_escape' }), 'PathEscapeError', 'It is so.'],
    [
      'too many sessions',
      wrong('limit_exceeded', { setting: 'data.sessions', value: 100 }),
      'ValueError',
      'Maximum number of sessions (100) reached. Delete existing sessions or increase limit.',
    ],
    [
      'too much memory',
      wrong('limit_exceeded', {
        setting: 'data.total_memory_bytes',
        value: 10_000 * 1024 ** 2,
        current: 2.5 * 1024 ** 2,
      }),
      'ValueError',
      'Maximum memory limit (10000MB) reached. Current: 2.5MB. Delete sessions to free memory.',
    ],
    [
      'a setting of another kind',
      wrong('limit_exceeded', { setting: 'limits.sessions', value: 1 }),
      'ValueError',
      'It is so.',
    ],
  ];
  for (const [what, fail, type, message] of creations) {
    it(`tell of ${what} in a creation as ${type}`, async () => {
      door.handlers.create_session = fail;
      const said = await door.ask('POST', '/api/sessions', { interface_file: 'a.yml' });
      expect([said.status, said.json.error_type, said.json.error_message]).to.deep.equal([
        500,
        type,
        message,
      ]);
    });
  }

  it('tell nothing of what nobody expected, and hand it to the log', async () => {
    door.handlers.get_shape = () => {
      throw new Error('a secret');
    };
    const said = await door.operate('get_shape');
    expect(said.status).to.equal(500);
    expect(JSON.stringify(said.json)).not.to.include('secret');
    expect(door.dialect.refuse(new Error('a secret')).failure).to.have.property('message', 'a secret');
  });

  it('name a parameter that is missing or null', async () => {
    const missing: [string, unknown, string][] = [
      ['set_index', { index: null }, 'Missing required parameter: index'],
      ['set_value', {}, 'Missing required parameter: value'],
      ['get_value_at', { index: 'a' }, 'Missing required parameters: index, column'],
    ];
    for (const [operation, body, message] of missing)
      expect((await door.operate(operation, body)).json.error_message).to.equal(message);
    expect((await door.operate('set_index', [1])).json.error_message).to.equal(
      'The request body must be a JSON object.',
    );
  });

  it('are a web page for a method that there is not', async () => {
    const { status, type, text } = await door.send('PUT', '/api/ping');
    expect([status, type.split(';')[0]]).to.deep.equal([501, 'text/html']);
    expect(text).to.include('PUT');
  });

  describe('fields of files', () => {
    it('have failures of a shape of their own', async () => {
      door.handlers.read_interface_field = wrong('file_not_found', { path: '/r/a.yml' });
      door.handlers.talk_field = wrong('invalid_params', {}, 'No.');
      expect(
        (await door.ask('POST', '/api/interface/read', { interface_file: 'a.yml', field: 'x' })).json,
      ).to.deep.equal({
        status: 'error',
        error: 'No configuration file found at "/r/a.yml".',
        value: null,
      });
      expect(door.asked.at(-1)?.[1]).to.deep.equal({ interface_file: 'a.yml', field: 'x', directory: '.' });
      expect(
        (await door.ask('POST', '/api/talk/field', { field: 'x', markdown_file: 'a.md' })).json,
      ).to.deep.equal({
        status: 'error',
        error: 'No.',
        value: '',
      });
      expect(door.asked.at(-1)?.[1]).to.deep.equal({ field: 'x', markdown_file: 'a.md', config_files: [] });
    });
  });
});

describe('the repr of Python', () => {
  const texts: [string, string][] = [
    ['plain', `'plain'`],
    [`it's`, `"it's"`],
    [`say "it"`, `'say "it"'`],
    [`it's "it"`, `'it\\'s "it"'`],
    ['a\\b\n\t\r', `'a\\\\b\\n\\t\\r'`],
    ['\u0000\u007f\u00a0é', `'\\x00\\x7f\\xa0é'`],
    ['\u2028\u200b😀', `'\\u2028\\u200b😀'`],
    ['\u{e0001}\ud800', `'\\U000e0001\\ud800'`],
  ];
  for (const [text, repr] of texts) {
    it(`writes ${JSON.stringify(text)} as ${repr}`, () => {
      expect(pythonRepr(text)).to.equal(repr);
    });
  }
});

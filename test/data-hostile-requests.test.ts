/**
 * Requests to data sessions that mean no good: out of range, of the wrong type, cut off. Each is
 * refused with the code that the API names; the server goes on, and other sessions have what they had.
 */
import { request } from 'node:http';
import { expect } from 'chai';
import { openDataDoors } from './support/data-doors.js';
import type { DataDoors } from './support/data-doors.js';
import { refusedAs, witnessed } from './support/refusals.js';
import type { Witness } from './support/refusals.js';

describe('hostile requests to tables', () => {
  let doors: DataDoors;
  let witness: Witness;
  let id: string;

  before(async () => {
    doors = await openDataDoors({ limits: { json_values: 1_000_000 } });
    witness = await witnessed(doors);
    const data = [
      { n: 1, t: 'a', b: true, m: [1] },
      { n: 2, t: null, b: false, m: 'x' },
      { n: 3, t: 'c', b: null, m: 1 },
    ];
    id = await table(data);
  });
  after(() => doors.close());
  afterEach(async () => {
    await witness.unharmed();
    expect((await doors.ask(id, 'get_shape')).shape).to.deep.equal([3, 4]);
  });

  const make = (body: object) => doors.native('POST', '/sessions', { kind: 'data', ...body });
  const table = async (data: unknown) => {
    const { status, body } = await make({ data });
    expect(status, JSON.stringify(body).slice(0, 500)).to.equal(201);
    return String(body.session_id);
  };
  const asked = (operation: string, params: object = {}) =>
    doors.native('POST', `/sessions/${id}/${operation}`, params);

  it('with labels that are not there are told so', async () => {
    for (const index of [3, -1, 1.5, 1e300, '3', 'x', true, 2 ** 53, '0x1'])
      refusedAs(await asked('get_value', { index, column: 'n' }), 404, 'index_not_found', String(index));
    for (const index of [null, [0], {}, 'x'.repeat(200_000)])
      refusedAs(await asked('get_value', { index, column: 'n' }), 400, 'invalid_params', 'index');
    refusedAs(
      await asked('set_values', { values: [{ index: 9, column: 'n', value: 1 }] }),
      404,
      'index_not_found',
      '9',
    );
    refusedAs(await asked('set_index', { index: 9 }), 404, 'index_not_found', '9');
    refusedAs(await asked('get_row_data', { index: 9 }), 404, 'index_not_found', '9');
    refusedAs(await asked('get_slice', { version: 999_999 }), 404, 'checkpoint_not_found', '999999');
  });

  it('with a long label are answered in few words', async () => {
    const answer = await asked('get_value', { index: 'x'.repeat(100_000), column: 'n' });
    expect(answer.bytes).to.be.below(5000);
    refusedAs(answer, 404, 'index_not_found');
  });

  it('that compare what cannot be compared name the column and its type', async () => {
    for (const [column, operator, value, dtype] of [
      ['n', '>', 'x', 'int64'],
      ['n', '==', true, 'int64'],
      ['n', 'contains', 'x', 'int64'],
      ['n', 'in', ['x'], 'int64'],
      ['n', 'between', ['a', 'b'], 'int64'],
      ['t', '>', 5, 'object'],
      ['t', 'contains', 5, 'object'],
      ['b', '==', 'yes', 'boolean'],
    ] as const)
      refusedAs(await asked('filter', { column, operator, value }), 422, 'data_error', `'${column}'`, dtype);
    refusedAs(
      await asked('filter', { column: 'n', operator: '>', value: null }),
      422,
      'data_error',
      'is null',
    );
    refusedAs(
      await asked('filter', { column: 'n', operator: 'between', value: [1] }),
      422,
      'data_error',
      'two',
    );
    refusedAs(await asked('filter', { column: 'n', operator: '>', value: [1] }), 422, 'data_error', "'n'");
    refusedAs(await asked('filter', { column: 'n', operator: 'in', value: 1 }), 422, 'data_error', 'list');
    refusedAs(
      await asked('filter', { column: 'n', operator: 'like', value: 1 }),
      400,
      'invalid_params',
      'startswith',
    );
    refusedAs(await asked('filter', { column: 't', operator: 'regex', value: '(' }), 422, 'data_error');
    refusedAs(await asked('filter', {}), 400, 'invalid_params', 'column');
    refusedAs(await asked('get_outliers', { column: 't' }), 422, 'data_error', "'t'");
    refusedAs(await asked('correlation', { columns: ['n', 't'] }), 422, 'data_error', "'t'");
  });

  it('with conditions nested deep, or many of them, are refused', async () => {
    let deep: object = { column: 'n', value: 1 };
    for (let level = 0; level < 50; level += 1) deep = { not: deep };
    refusedAs(await asked('filter', { where: deep }), 400, 'invalid_params', 'nested');
    const many = Array.from({ length: 5000 }, () => ({ column: 'n', value: 1 }));
    refusedAs(await asked('filter', { where: { or: many } }), 400, 'invalid_params', 'conditions');
    refusedAs(await asked('filter', { where: { and: [] } }), 400, 'invalid_params');
    refusedAs(await asked('filter', { where: { or: 'x' } }), 400, 'invalid_params');
  });

  it('with numbers out of all range are bounded or refused, and never an error of the server', async () => {
    const extremes = [
      0,
      -1,
      1,
      2 ** 31,
      2 ** 53 - 1,
      2 ** 53,
      -(2 ** 53),
      1e300,
      -1e300,
      0.5,
      'x',
      null,
      [],
      true,
    ];
    for (const extreme of extremes) {
      for (const [operation, params] of [
        ['get_slice', { start: extreme }],
        ['get_slice', { end: extreme }],
        ['get_slice', { start: extreme, end: extreme }],
        ['get_column', { column: 'n', start: extreme, end: 5 }],
        ['get_indices', { start: extreme }],
        ['filter', { column: 'n', operator: '>', value: 0, start: extreme }],
        ['filter', { column: 'n', operator: '>', value: 0, end: extreme }],
        ['filter', { column: 'n', operator: '>', value: 0, limit: extreme }],
        ['head', { n: extreme }],
        ['tail', { n: extreme }],
        ['sample', { n: extreme }],
        ['sample', { n: 2, seed: extreme }],
        ['search', { text: 'a', start: extreme }],
        ['search', { text: 'a', limit: extreme }],
        ['get_unique', { column: 'n', start: extreme }],
        ['get_unique', { column: 'n', limit: extreme }],
        ['group_by', { by: 'n', start: extreme }],
        ['describe', { start: extreme }],
        ['get_outliers', { column: 'n', std_devs: extreme }],
        ['get_stats', { column: 'n', histogram: extreme }],
        ['get_stats', { column: 'n', quantiles: [extreme] }],
        ['get_slice', { version: extreme }],
        ['get_unique', { column: 'n', version: extreme }],
        ['sql', { query: 'SELECT 1', limit: extreme }],
      ] as const) {
        const { status, body } = await asked(operation, params);
        const told = `${operation} ${JSON.stringify(params)}: ${status} ${JSON.stringify(body).slice(0, 300)}`;
        expect(status, told).to.be.oneOf([200, 400, 404]);
      }
    }
  });

  it('with rows in the body are taken up to what a body may hold', async () => {
    const rows = Array.from({ length: 100_000 }, (_, at) => ({ a: at, b: `row ${at}` }));
    const large = await table(rows);
    expect((await doors.ask(large, 'get_value', { index: 99_999, column: 'b' })).value).to.equal('row 99999');
    await doors.native('DELETE', `/sessions/${large}`);
    const columns = { a: [1, 2, 3], b: [1, 2] };
    refusedAs(await make({ data: columns }), 422, 'data_error', 'length');
    for (const data of ['x', 5, null, [1, 2], [[1], [2]], { a: 1 }, [null]])
      refusedAs(await make({ data }), 400, 'invalid_params', 'data');
    for (const data of [[], {}, [{}], { a: [] }]) {
      const { status, body } = await make({ data });
      expect(status, JSON.stringify([data, body])).to.be.oneOf([201, 400, 422]);
      if (status !== 201) continue;
      const empty = String(body.session_id);
      for (const operation of [
        'get_slice',
        'head',
        'describe',
        'count_nulls',
        'get_indices',
        'get_columns',
        'correlation',
      ])
        expect(
          (await doors.native('POST', `/sessions/${empty}/${operation}`, {})).status,
          operation,
        ).to.equal(200);
      await doors.ask(empty, 'add_column', { column: 'z', value: 1 });
      expect(
        (await doors.native('POST', `/sessions/${empty}/append_rows`, { rows: [{ z: 2 }] })).status,
      ).to.equal(200);
    }
    refusedAs(await make({}), 400, 'invalid_params', 'data_source');
    refusedAs(
      await make({ data: rows.slice(0, 1), data_source: { type: 'csv' } }),
      400,
      'invalid_params',
      'data_source and data',
    );
  });

  it('with more in their body than it may hold say which setting is for that', async () => {
    const small = await openDataDoors();
    try {
      const data = Array.from({ length: 100_000 }, (_, at) => ({ a: at }));
      const { status, body } = await small.native('POST', '/sessions', { kind: 'data', data });
      expect([status, body.code], JSON.stringify(body)).to.deep.equal([413, 'payload_too_large']);
      expect(String(body.detail)).to.include('limits.json_values');
    } finally {
      await small.close();
    }
  });

  it('of another content type, or with a broken body, are refused', async () => {
    const send = async (path: string, type: string, body: string) => {
      const headers = { Authorization: `Bearer ${doors.server.token ?? ''}`, 'Content-Type': type };
      const response = await fetch(`${doors.server.url}/api${path}`, { method: 'POST', headers, body });
      return { status: response.status, body: (await response.json()) as Record<string, unknown>, bytes: 0 };
    };
    refusedAs(
      await send(`/sessions/${id}/get_slice`, 'application/json', '{"start": 1'),
      400,
      'invalid_json',
    );
    const types = ['multipart/form-data', 'multipart/form-data; boundary=x'];
    for (const type of [...types, 'text/csv', 'application/xml', 'application/octet-stream']) {
      const answer = await send(`/sessions/${id}/get_slice`, type, '--x\r\nnothing');
      expect(answer.status, `${type}: ${JSON.stringify(answer.body)}`).to.be.oneOf([400, 415]);
    }
    for (const type of types) {
      const answer = await send('/sessions?kind=data', type, '--x\r\nnothing');
      expect(answer.status, `${type}: ${JSON.stringify(answer.body)}`).to.be.oneOf([400, 415, 422]);
    }
  });

  it('that break off in the middle of a form leave no session', async () => {
    const before = await doors.native('GET', '/sessions');
    const sent = request(`${doors.server.url}/api/sessions`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${doors.server.token ?? ''}`,
        'Content-Type': 'multipart/form-data; boundary=cut',
        'Content-Length': '1000000',
      },
    });
    sent.on('error', () => undefined);
    const part = '--cut\r\nContent-Disposition: form-data; name="file"; filename="cut.csv"\r\n\r\na,b\n';
    await new Promise((resolve) => sent.write(`${part}${'1,2\n'.repeat(1000)}`, resolve));
    const closed = new Promise((resolve) => sent.on('close', resolve));
    sent.destroy();
    await closed;
    const after = await doors.native('GET', '/sessions');
    expect(after.body.total_sessions).to.equal(before.body.total_sessions);
  });
});

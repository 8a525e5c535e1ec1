import { expect } from 'chai';
import { Authenticator, checkOrigin } from '../src/api/auth.js';
import { isSojournError } from '../src/types/errors.js';
import { codeOf } from './support/session-words.js';

const rules = { host: '127.0.0.1', allowedHosts: ['box.example'], allowedOrigins: ['https://app.example'] };

function passes(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (isSojournError(error)) return false;
    throw error;
  }
}

describe('who may call', () => {
  const hosts: [string | undefined, boolean][] = [
    ['127.0.0.1:8765', true],
    ['localhost:8765', true],
    ['LOCALHOST', true],
    ['[::1]:8765', true],
    ['box.example', true],
    ['evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['localhost.evil.example:8765', false],
    ['127.0.0.1@evil.example', false],
    ['8.8.8.8', false],
    ['', false],
    [undefined, false],
  ];
  for (const [host, expected] of hosts) {
    it(`${expected ? 'serves' : 'refuses'} the Host ${host ?? '(none)'}`, () => {
      expect(passes(() => checkOrigin(rules, host, undefined))).to.equal(expected);
    });
  }

  const origins: [string, boolean][] = [
    ['http://127.0.0.1:8765', true],
    ['https://app.example', true],
    ['https://app.example.evil.example', false],
    ['http://localhost:8765', false],
    ['http://127.0.0.1:9999', false],
    ['null', false],
    ['file://', false],
  ];
  for (const [origin, expected] of origins) {
    it(`${expected ? 'serves' : 'refuses'} the Origin ${origin}`, () => {
      expect(passes(() => checkOrigin(rules, '127.0.0.1:8765', origin))).to.equal(expected);
    });
  }

  it('knows an outside server by its address, and by no foreign name', () => {
    const outside = { ...rules, host: '0.0.0.0' };
    expect(passes(() => checkOrigin(outside, '192.168.1.5:8765', undefined))).to.equal(true);
    expect(passes(() => checkOrigin(outside, 'evil.example', undefined))).to.equal(false);
  });

  it('takes the right token and no other', async () => {
    const door = new Authenticator('the-right-token-of-the-server');
    expect((await door.authenticate('Bearer the-right-token-of-the-server')).id).to.equal('local');
    for (const header of [
      undefined,
      '',
      'Bearer',
      'Bearer wrong',
      'Basic dGhl',
      'the-right-token-of-the-server',
    ]) {
      expect(await codeOf(door.authenticate(header)), header).to.equal('unauthorized');
    }
    expect((await new Authenticator(null).authenticate(undefined)).id).to.equal('local');
  });
});

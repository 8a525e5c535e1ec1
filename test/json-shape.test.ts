import { expect } from 'chai';
import { jsonShape } from '../src/api/json-shape.js';

const shape = (text: string, max = 1000) => jsonShape(Buffer.from(text), max);

describe('the shape of JSON', () => {
  it('has a depth and a number of values, whatever texts hold', () => {
    expect(shape('{}')).to.deep.equal({ depth: 1, values: 2 });
    expect(shape('[1,2,[3]]')).to.deep.equal({ depth: 2, values: 5 });
    expect(shape('{"a":"[[[,,,","b":"\\"[","c":"\\\\"}').depth).to.equal(1);
    expect(shape('"text"').depth).to.equal(0);
    expect(shape('"never ends').depth).to.equal(0);
    expect(shape('')).to.deep.equal({ depth: 0, values: 1 });
  });

  it('is not counted further than has to be known', () => {
    expect(shape('['.repeat(100_000), 10).values).to.equal(11);
    expect(shape(`[${'0,'.repeat(100_000)}0]`, 10).values).to.equal(11);
  });
});

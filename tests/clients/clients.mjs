// The openai and ollama packages for JavaScript against `whet serve`: node clients.mjs URL. Run by run.py.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { Ollama } from 'ollama';

const url = process.argv[2];
const openai = new OpenAI({ baseURL: url + '/v1', apiKey: 'none', maxRetries: 0 });
const ollama = new Ollama({ host: url });
const messages = [{ role: 'user', content: 'What is 3 * 4?' }];

const checks = {
  async openai_chats() {
    const body = { model: 'stone', messages, max_tokens: 24, temperature: 0 };
    const whole = await openai.chat.completions.create(body);
    let text = '';
    for await (const chunk of await openai.chat.completions.create({ ...body, stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? '';
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.ok(text.length > 0);
  },
  async openai_embeds() {
    const floats = await openai.embeddings.create({ model: 'stone', input: ['a', 'b'], encoding_format: 'float' });
    const packed = await openai.embeddings.create({ model: 'stone', input: ['a', 'b'] });
    assert.equal(packed.data.length, 2);
    floats.data.forEach((item, i) => item.embedding.forEach(
      (value, k) => assert.ok(Math.abs(value - packed.data[i].embedding[k]) < 1e-6)));
  },
  async openai_responds() {
    const body = { model: 'stone', input: 'What is 3 * 4?', temperature: 0, max_output_tokens: 200 };
    const whole = await openai.responses.create(body);
    let text = '';
    for await (const event of await openai.responses.create({ ...body, stream: true })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    assert.equal(text, whole.output_text);
  },
  async openai_raises_errors() {
    await assert.rejects(openai.chat.completions.create({ model: 'absent', messages }), OpenAI.NotFoundError);
    await assert.rejects(openai.chat.completions.create({ model: 'stone', messages: [] }), OpenAI.BadRequestError);
  },
  async ollama_chats() {
    const options = { temperature: 0, num_predict: 16 };
    const whole = await ollama.chat({ model: 'stone', messages, options });
    let text = '';
    for await (const part of await ollama.chat({ model: 'stone', messages, options, stream: true })) {
      text += part.message.content;
    }
    assert.equal(text, whole.message.content);
  },
  async ollama_describes_and_embeds() {
    assert.deepEqual((await ollama.list()).models.map((m) => m.model), ['stone']);
    assert.equal((await ollama.embed({ model: 'stone', input: ['a', 'b'] })).embeddings.length, 2);
    await assert.rejects(ollama.chat({ model: 'absent', messages }), /not found/);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok    javascript ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAIL  javascript ${name}\n${error.stack}`);
  }
}
process.exit(failed ? 1 : 0);

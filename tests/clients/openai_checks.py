"""What openai's client for Python finds."""
import json

from server_under_test import QUESTION, SCHEMA, TOOL


def openai_client(server):
    import openai
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120)


def openai_lists_models(server):
    client = openai_client(server)
    assert [m.id for m in client.models.list()] == ["stone"]
    assert client.models.retrieve("stone").id == "stone"


def openai_chats(server):
    client = openai_client(server)
    whole = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=24,
                                           temperature=0)
    assert whole.choices[0].message.content
    assert whole.choices[0].finish_reason in ("stop", "length")
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    stream = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=24,
                                            temperature=0, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def openai_samples_n(server):
    reply = openai_client(server).chat.completions.create(
        model="stone", messages=QUESTION, max_tokens=12, n=4, seed=1, temperature=1.5)
    assert [c.index for c in reply.choices] == [0, 1, 2, 3]
    assert len({c.message.content for c in reply.choices}) > 1


def openai_reports_logprobs(server):
    reply = openai_client(server).chat.completions.create(
        model="stone", messages=QUESTION, max_tokens=8, temperature=0, logprobs=True,
        top_logprobs=3)
    content = reply.choices[0].logprobs.content
    assert content
    for token in content:
        assert len(token.top_logprobs) == 3
        assert token.logprob <= 0
        # Temperature 0: what was taken is the likeliest.
        assert token.logprob == max(t.logprob for t in token.top_logprobs)
    text = b"".join(bytes(t.bytes) for t in content).decode()
    assert text.startswith(reply.choices[0].message.content), (text, reply.choices[0].message)


def openai_holds_to_a_schema(server):
    reply = openai_client(server).chat.completions.create(
        model="stone", messages=QUESTION, max_tokens=200, temperature=0,
        response_format={"type": "json_schema",
                         "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}})
    assert isinstance(json.loads(reply.choices[0].message.content)["answer"], int)


def openai_calls_tools(server):
    client = openai_client(server)
    reply = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=300,
                                           temperature=0, tools=[TOOL], tool_choice="required",
                                           parallel_tool_calls=False)
    assert reply.choices[0].finish_reason == "tool_calls", reply.choices[0]
    call = reply.choices[0].message.tool_calls[0]
    assert call.function.name == "add" and set(json.loads(call.function.arguments)) == {"a", "b"}
    stream = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=300,
                                            temperature=0, tools=[TOOL], tool_choice="required",
                                            parallel_tool_calls=False, stream=True)
    arguments = "".join(c.function.arguments for chunk in stream if chunk.choices
                        for c in chunk.choices[0].delta.tool_calls or [])
    assert json.loads(arguments) == json.loads(call.function.arguments)


def openai_completes(server):
    reply = openai_client(server).completions.create(
        model="stone", prompt="12 + 3 =", max_tokens=4, temperature=0, echo=True, logprobs=2)
    choice = reply.choices[0]
    assert choice.text.startswith("12 + 3 =") and len(choice.text) > len("12 + 3 =")
    logprobs = choice.logprobs
    assert logprobs.token_logprobs[0] is None and "".join(logprobs.tokens) == choice.text
    assert all(value <= 0 for value in logprobs.token_logprobs[1:])
    assert [choice.text[at:].startswith(token)
            for at, token in zip(logprobs.text_offset, logprobs.tokens)].count(False) == 0
    pieces = list(openai_client(server).completions.create(
        model="stone", prompt="12 + 3 =", max_tokens=4, temperature=0, stream=True))
    assert "12 + 3 =" + "".join(p.choices[0].text for p in pieces if p.choices) == choice.text


def openai_embeds(server):
    client = openai_client(server)
    packed = client.embeddings.create(model="stone", input=["a whetstone", "a knife"])  # asks for base64
    plain = client.embeddings.create(model="stone", input="a whetstone", encoding_format="float")
    assert [item.index for item in packed.data] == [0, 1]
    assert packed.data[0].embedding == plain.data[0].embedding
    assert abs(sum(v * v for v in plain.data[0].embedding) - 1) < 1e-4
    assert plain.usage.prompt_tokens > 0
    assert len(client.embeddings.create(model="stone", input="x", dimensions=7).data[0].embedding) == 7


def openai_responds(server):
    client = openai_client(server)
    asked = {"model": "stone", "input": "What is 3 * 4?", "temperature": 0, "max_output_tokens": 300}
    whole = client.responses.create(**asked)
    assert whole.output_text and whole.status in ("completed", "incomplete"), whole
    with client.responses.stream(**asked) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert text == whole.output_text
        if whole.status == "completed":
            assert stream.get_final_response().output_text == text
    tool = {"type": "function", "name": "add", "parameters": TOOL["function"]["parameters"], "strict": True}
    called = client.responses.create(model="stone", input="Add 3 and 4.", tools=[tool], tool_choice="required",
                                     parallel_tool_calls=False, max_output_tokens=300, temperature=0)
    call = called.output[0]
    assert call.type == "function_call" and set(json.loads(call.arguments)) == {"a", "b"}
    answer = client.responses.create(model="stone", max_output_tokens=8, instructions="Be brief.", input=[
        {"role": "user", "content": "Add 3 and 4."}, call.model_dump(exclude_none=True),
        {"type": "function_call_output", "call_id": call.call_id, "output": "7"}])
    assert answer.output is not None
    held = client.responses.create(**{**asked, "text": {"format": {
        "type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}})
    assert isinstance(json.loads(held.output_text)["answer"], int)


def openai_runs_strategies(server):
    reply = openai_client(server).chat.completions.create(
        model="majority-voting-stone", messages=QUESTION, max_tokens=24, extra_body={"whet_trace": True})
    assert reply.choices[0].message.content is not None
    candidates = reply.model_extra["whet"]["candidates"]
    assert len(candidates) > 1
    assert reply.usage.completion_tokens == sum(c["completion_tokens"] for c in candidates)


def openai_raises_the_right_errors(server):
    import openai
    client = openai_client(server)
    for error, arguments in [
            (openai.NotFoundError, {"model": "absent"}),
            (openai.BadRequestError, {"temperature": -1}),
            (openai.BadRequestError, {"messages": []}),
            (openai.BadRequestError, {"messages": [{"role": "user", "content": "x " * 20000}]})]:
        try:
            client.chat.completions.create(**{"model": "stone", "messages": QUESTION, **arguments})
        except error as raised:
            assert raised.message, raised
        else:
            raise AssertionError(f"no {error.__name__} for {arguments}")


CHECKS = [openai_lists_models, openai_chats, openai_samples_n, openai_reports_logprobs, openai_holds_to_a_schema,
          openai_calls_tools, openai_completes, openai_runs_strategies, openai_embeds, openai_responds,
          openai_raises_the_right_errors]

"""Conversations, and chat templates of well-known formats, written for these tests."""


def turn(role, content):
    return {"role": role, "content": content}


CONVERSATIONS = {
    "user": [turn("user", "What is the capital of France?")],
    "system": [turn("system", "You are terse."), turn("user", "Hi!")],
    "multi": [
        turn("user", "Add 2 and 2."),
        turn("assistant", "4"),
        turn("user", "And 3 more?"),
    ],
    "system_multi": [
        turn("system", "Answer in French."),
        turn("user", "Hello"),
        turn("assistant", "Bonjour"),
        turn("user", "Thanks"),
        turn("assistant", "De rien"),
        turn("user", "Bye"),
    ],
    "trailing_assistant": [turn("user", "Continue: one, two,"), turn("assistant", "three, ")],
    "thinking": [
        turn("user", "Is 7 prime?"),
        turn("assistant", "<think>\nOnly 1 and 7 divide it.\n</think>\n\nYes."),
        turn("user", "And 9?"),
    ],
    "unicode": [
        turn("system", "Café: «naïve» – 日本語"),
        turn("user", "Grüße 👋🏽 \"quoted\" 'single' \\ back\tslash\u00a0nbsp"),
    ],
    "whitespace": [
        turn("user", "  \n leading and trailing \n\n "),
        turn("assistant", "\n\tok \n"),
        turn("user", "\u2003wide\u2003"),
    ],
    "empty": [turn("system", ""), turn("user", "")],
    "nothing": [],
    "assistant_first": [turn("assistant", "Hello, how can I help?"), turn("user", "Sing.")],
    "two_users": [turn("user", "One."), turn("user", "Two.")],
    "unknown_role": [turn("user", "Hi"), turn("critic", "Meh")],
    "markup": [turn("user", "a < b && c > {{ d }} {% if %} {# no #}")],
}

RUNS = [{"conversation": name, "add_generation_prompt": True} for name in CONVERSATIONS]
RUNS += [
    {"conversation": name, "add_generation_prompt": False}
    for name in ("user", "system_multi", "trailing_assistant", "empty")
]
RUNS += [
    {"conversation": "user", "add_generation_prompt": True, "extra": {"enable_thinking": False}},
    {"conversation": "thinking", "add_generation_prompt": True, "extra": {"enable_thinking": True}},
    {"conversation": "user", "add_generation_prompt": True, "extra": {"thinking": True}},
    {"conversation": "system", "add_generation_prompt": True, "extra": {"date_string": "01 Jan 2020"}},
]

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city – now",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": " The city "},
                "days": {"type": ["integer", "null"], "description": "How many"},
                "units": {"type": "array", "items": {"type": "string"}, "description": "SI?"},
            },
            "required": ["city"],
        },
        "return": {"type": "object", "description": "°C"},
    },
}
RUNS += [
    {"conversation": name, "add_generation_prompt": True, "extra": {"tools": tools}}
    for name in ("user", "system_multi", "trailing_assistant", "nothing")
    for tools in ([], [TOOL], [TOOL, TOOL])
]

ZEPHYR = (
    "{% for message in messages %}\n"
    "{% if message['role'] == 'user' %}\n"
    "{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n"
    "{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n"
    "{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n"
    "{{ '<|assistant|>' }}\n"
    "{% endif %}\n"
    "{% endfor %}"
)

LLAMA_2 = (
    "{% if messages[0]['role'] == 'system' %}"
    "{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}"
    "{% endif %}{% endfor %}"
)

CHATML = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

MISTRAL_V1 = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}"
    "{% endif %}{% endfor %}"
)

GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)

PHI_3 = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') %}"
    "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"
    "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\n'}}"
    "{% endif %}{% endfor %}"
)

LLAMA_3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    "+ message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)

# A template in the style of recent models: macros, namespaces, blocks, generation marks.
MODERN = """\
{%- macro header(role) -%}
    <|{{ role }}|>
{%- endmacro -%}
{%- set ns = namespace(n_user=0, last='') -%}
{%- for message in messages if message.role in ('system', 'user', 'assistant') %}
    {%- if message.role == 'user' %}{% set ns.n_user = ns.n_user + 1 %}{% endif %}
    {%- set ns.last = message.role %}
    {%- set content -%}
        {{ message.content | trim }}
    {%- endset %}
    {{- header(message.role) ~ '\\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}{{ content }}{{ eos_token }}{% endgeneration %}
    {%- else %}
        {{- content }}
    {%- endif %}
    {{- '\\n' if not loop.last }}
{%- else %}
    {{- raise_exception('no messages: ' ~ messages | length) }}
{%- endfor %}
{%- if add_generation_prompt and ns.last != 'assistant' %}
    {{- '\\n' ~ header('assistant') ~ (ns.n_user | string) ~ strftime_now(' %d %b %Y') }}
{%- endif %}
"""

MODEL_TEMPLATES = {
    "tinyllama": ZEPHYR,
    "zephyr": "{%- for message in messages -%}\n" + ZEPHYR.split("\n", 1)[1],
    "llama-2": LLAMA_2,
    "llama-3": LLAMA_3,
    "chatml": CHATML,
    "mistral-v1": MISTRAL_V1,
    "gemma": GEMMA,
    "phi-3": PHI_3,
    "modern": MODERN,
}

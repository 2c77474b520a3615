"""LlamaIndex over an OpenAI-like endpoint: a tool is called, its result goes back, an answer comes; and a stream."""

import os

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

url, key, name, word = (os.environ[n] for n in ("WEIR_URL", "WEIR_KEY", "WEIR_MODEL", "WEIR_WORD"))


def look(where: str) -> str:
    """Looks."""
    return f"The word is {word}."


def loop():
    llm = OpenAILike(model=name, api_base=f"{url}/v1", api_key=key, is_chat_model=True, is_function_calling_model=True, max_retries=0)
    tools = [FunctionTool.from_defaults(look)]
    messages = [ChatMessage(role="user", content="[[demo call=look:where=here]] Look.")]
    asked = llm.chat_with_tools(tools, chat_history=messages)
    calls = llm.get_tool_calls_from_response(asked)
    assert calls[0].tool_kwargs == {"where": "here"}, calls
    messages += [asked.message, ChatMessage(role="tool", content=look("here"), additional_kwargs={"tool_call_id": calls[0].tool_id})]
    answer = llm.chat(messages)
    assert word in answer.message.content, answer
    assert word in "".join(d.delta or "" for d in llm.stream_chat(messages))


try:
    loop()
    print("openai chat: ok")
except Exception as e:  # whatever it is, the table shows it
    print(f"openai chat: FAILED {type(e).__name__} {str(e).splitlines()[0] if str(e) else ''}")

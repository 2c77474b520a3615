"""LangChain, by each vendor's package: a tool is called, its result goes back, an answer comes; whole and streamed."""

import os

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

url, key, name, word = (os.environ[n] for n in ("WEIR_URL", "WEIR_KEY", "WEIR_MODEL", "WEIR_WORD"))


@tool
def look(where: str) -> str:
    """Looks."""
    return f"The word is {word}."


MAKERS = {
    "openai chat": lambda: ChatOpenAI(base_url=f"{url}/v1", api_key=key, model=name, max_retries=0),
    "openai responses": lambda: ChatOpenAI(base_url=f"{url}/v1", api_key=key, model=name, max_retries=0, use_responses_api=True),
    "anthropic": lambda: ChatAnthropic(base_url=url, api_key=key, model=name, max_retries=0),
    "google": lambda: ChatGoogleGenerativeAI(base_url=url, google_api_key=key, model=name, max_retries=1),
}


def text_of(message):
    content = message.content
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content if isinstance(p, dict))


def loop(model):
    bound = model.bind_tools([look])
    messages = [HumanMessage("[[demo call=look:where=here]] Look.")]
    asked = bound.invoke(messages)
    assert asked.tool_calls and asked.tool_calls[0]["args"] == {"where": "here"}, asked
    messages += [asked, *(ToolMessage(look.invoke(c["args"]), tool_call_id=c["id"]) for c in asked.tool_calls)]
    answer = bound.invoke(messages)
    assert word in text_of(answer) and answer.usage_metadata["total_tokens"] > 0, answer
    streamed = None
    for chunk in bound.stream(messages):
        streamed = chunk if streamed is None else streamed + chunk
    assert word in text_of(streamed), streamed


for label, make in MAKERS.items():
    try:
        loop(make())
        print(f"{label}: ok")
    except Exception as e:  # whatever it is, the table shows it
        print(f"{label}: FAILED {type(e).__name__} {str(e).splitlines()[0] if str(e) else ''}")

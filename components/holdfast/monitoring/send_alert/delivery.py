"""Deliver over networks that refuse, hang, limit rates and break off."""

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from holdfast.monitoring.send_alert.requests import Request, request_for, text_of
from holdfast.monitoring.send_alert.rules import Channel, Email
from holdfast.monitoring.send_alert.secrets import Secrets, UndeliveredError
from holdfast.monitoring.send_alert.state import Delivery

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

# What may be different the next time.
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
LONGEST_WAIT = 60.0
BODY_BYTES = 10_000


@dataclass(frozen=True)
class Patience:
    """How often a delivery is tried, how long an answer may take and the first wait (seconds).

    The wait doubles each time, up to a minute, or is what the receiver asks for; who asks for more
    than a minute is left alone.
    """

    attempts: int = 4
    timeout: float = 10.0
    wait: float = 1.0


class _TransientError(UndeliveredError):
    """A failure that may pass; `after` is for how long the receiver asks to be left alone."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def deliver(
    channel: Channel, delivery: Delivery, name: str, secrets: Secrets, patience: Patience
) -> None:
    """Deliver, and try again what may pass.

    Raises:
        UndeliveredError: It did not arrive; the text says why, and how often it was tried.
    """
    used = [getattr(channel, each, "") for each in type(channel).model_fields if "_env" in each]

    def once() -> None:
        if channel.kind == "email":
            _mail(channel, delivery, secrets, patience.timeout)
            return
        now = datetime.now(UTC)
        _post(request_for(channel, delivery, name, secrets, now), patience.timeout)

    tried = _tried(once, patience)
    if tried is not None:
        times, error = tried
        told = secrets.redact(str(error), *used)
        raise UndeliveredError(f"{told} (tried {times} times)" if times > 1 else told) from None


def _tried(once: Callable[[], None], patience: Patience) -> tuple[int, Exception] | None:
    """Return how often it was tried and the last error, None if it worked."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    retrying = Retrying(
        stop=stop_after_attempt(patience.attempts),
        wait=lambda state: _wait(state, patience.wait),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    try:
        retrying(once)
    except UndeliveredError as error:
        return retrying.statistics["attempt_number"], error
    return None


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, _TransientError) and (error.after or 0.0) <= LONGEST_WAIT


def _wait(state: "RetryCallState", first: float) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.after if isinstance(error, _TransientError) else None
    return min(LONGEST_WAIT, first * 2 ** (state.attempt_number - 1) if asked is None else asked)


def _post(request: Request, timeout: float) -> None:
    # httpx tells each address at INFO, and a webhook's address is its password.
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)
    asyncio.run(_post_within(request, timeout))


async def _post_within(request: Request, timeout: float) -> None:
    """Send; the time is for all of it, so that a receiver that trickles is left, too."""
    import httpx

    try:
        async with asyncio.timeout(timeout), httpx.AsyncClient(timeout=timeout) as client:
            sent = client.stream(
                request.method, request.url, content=request.body, headers=request.headers
            )
            async with sent as answer:
                body = b""
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > BODY_BYTES:
                        break
                _judge(answer, body)
    except TimeoutError as error:
        raise _TransientError(f"no answer within {timeout:g} s") from error
    except httpx.InvalidURL as error:
        raise UndeliveredError("the address cannot be used") from error
    except httpx.TimeoutException as error:
        raise _TransientError(f"no answer within {timeout:g} s") from error
    except httpx.HTTPError as error:
        raise _TransientError(f"{type(error).__name__}: {error}") from error


def _judge(answer: "httpx.Response", body: bytes) -> None:
    if answer.is_success:
        return
    said = body.decode("utf-8", "replace")[:200].strip()
    reason = f"HTTP {answer.status_code}" + (f": {said}" if said else "")
    if answer.status_code in TRANSIENT:
        raise _TransientError(reason, _retry_after(answer.headers.get("Retry-After", "")))
    raise UndeliveredError(reason)


def _retry_after(text: str) -> float | None:
    """Return the seconds that a receiver asks for, as a number or as a date."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(UTC)).total_seconds()) if at.tzinfo else None


def _mail(channel: Email, delivery: Delivery, secrets: Secrets, timeout: float) -> None:
    server, user = secrets.read(channel.server_env), secrets.read(channel.user_env)
    password = secrets.read(channel.password_env)
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        raise UndeliveredError(f"the environment variable {channel.server_env} must be HOST:PORT")
    context = ssl.create_default_context()
    try:
        with _connected(channel, host, int(port), timeout, context) as smtp:
            if channel.tls == "starttls":
                smtp.starttls(context=context)
            if user:
                smtp.login(user, password)
            refused = smtp.send_message(_letter(channel, delivery))
    except (smtplib.SMTPException, OSError) as error:
        raise _of_mail(error) from error
    if refused:
        raise UndeliveredError(f"{len(refused)} of {len(channel.to)} recipients were refused")


def _of_mail(error: smtplib.SMTPException | OSError) -> UndeliveredError:
    """Return what a mail server's answer means: 4xx passes, 5xx does not (RFC 5321, 4.2.1)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UndeliveredError(f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return UndeliveredError(f"the mail server lacks what is needed: {error}")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        kind = _TransientError if any(400 <= code < 500 for code in codes) else UndeliveredError
        return kind(f"SMTP {codes}: the recipients were refused")
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        kind = UndeliveredError if error.smtp_code >= 500 else _TransientError
        return kind(f"SMTP {error.smtp_code}: {text}")
    return _TransientError(f"{type(error).__name__}: {error}")


def _connected(
    channel: Email, host: str, port: int, timeout: float, context: ssl.SSLContext
) -> smtplib.SMTP:
    if channel.tls == "implicit":
        return smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
    return smtplib.SMTP(host, port, timeout=timeout)


def _letter(channel: Email, delivery: Delivery) -> EmailMessage:
    letter = EmailMessage()
    message = delivery.message
    if message is None:
        raise UndeliveredError("gauges cannot be mailed")
    letter["Subject"] = " ".join(message.title.split())[:200]
    letter["From"] = channel.sender
    letter["To"] = ", ".join(channel.to)
    letter["Date"] = format_datetime(message.at)
    # The same for each try, so that mail systems can tell a letter that came twice.
    letter["Message-ID"] = f"<{delivery.id}@holdfast>"
    letter["X-Priority"] = "1" if message.severity == "critical" else "3"
    letter.set_content(text_of(message))
    return letter

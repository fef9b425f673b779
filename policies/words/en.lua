-- en: plain words for everything that can become of a message
--
-- Stands behind every d.words, so each meaning has a text.  Written for the
-- sender: what happened, who can do something, what they need to know.  The
-- meanings are those of RFC 3463's classes, as core/smtp/meaning.c reads them.
return {
  ["verb-unknown"] =
    "Your message to {recipient} was not delivered. "
    .. "The server {host} did not understand how we log in. It said: {reply}\n"
    .. "Its administrator can help; what it offered: {offered}",
  ["no-common-auth"] =
    "Your message to {recipient} was not delivered. "
    .. "The server {host} offers no way to log in that we know "
    .. "(it offered: {offered}). We kept your message and went on trying, "
    .. "since {first_try}.\n"
    .. "Please tell your administrator: it is a matter between two servers, "
    .. "and your message was not at fault.",
  ["login-refused"] =
    "Your message to {recipient} was not delivered. "
    .. "The server {host} does not let us log in. It said: {reply}\n"
    .. "We kept your message and went on trying, since {first_try}. Please "
    .. "tell your administrator: your message was not at fault.",
  ["tls-failed"] =
    "Your message to {recipient} was not delivered. "
    .. "A secure connection to the server {host} could not be made, and "
    .. "mail is "
    .. "not sent there without one. We went on trying, since {first_try}. "
    .. "Please tell your administrator.",
  ["slow-down"] =
    "Your message to {recipient} was not delivered. "
    .. "The server {host} kept asking us to come back later. It said: {reply}\n"
    .. "We tried {tries} times, since {first_try}. Please send the message "
    .. "again later.",
  ["mailbox-full"] =
    "The mailbox of {recipient} is full. Please tell the recipient in another "
    .. "way, and send the message again when there is room. {host} said: "
    .. "{reply}",
  ["unreachable"] =
    "Your message to {recipient} was not delivered. "
    .. "The mail server for {domain} ({host}) could not be reached. We tried "
    .. "{tries} times, since {first_try}. Please send the message again later, "
    .. "and tell your administrator if that goes on.",
  ["temporary"] =
    "Your message to {recipient} was not delivered. "
    .. "The server {host} could not take your message for now, and that "
    .. "did not "
    .. "change in {tries} tries, since {first_try}. It said last: {reply}",
  ["unknown-recipient"] =
    "There is no {recipient} at {domain}. Please check the spelling. {host} "
    .. "said: {reply}",
  ["relaying-denied"] =
    "The server {host} does not take mail for {recipient} from us. Please "
    .. "check the address, and tell your administrator if it is right. It "
    .. "said: {reply}",
  ["too-big"] =
    "Your message to {recipient} was not delivered. "
    .. "Your message is too big for {host}: it has {size} bytes. Please "
    .. "send it "
    .. "in parts, or in another way. It said: {reply}",
  ["content-refused"] =
    "Your message to {recipient} was not delivered. "
    .. "The server {host} read your message and refused what is in it. "
    .. "It said: "
    .. "{reply}",
  ["sender-refused"] =
    "Your message to {recipient} was not delivered. "
    .. "The server {host} takes no mail from {sender}. It said: {reply}",
  ["too-old"] =
    "Your message to {recipient} could not be delivered in time; we tried "
    .. "{tries} times, since {first_try}. The last answer was: {reply}",
  ["permanent"] =
    "The server {host} refused your message to {recipient}. It said: {reply}",
}

// The words and phrases that the documentation does without, each with what to
// write instead and an example that it matches.
module.exports = [
  // Coined, or a riddle to a reader who has not seen the code.
  {
    pattern: /\b(?:is|are|was|were|be|been|being|it|them|gets?) told\b/gi,
    instead: 'name what is sent, and to whom: "receives", "is notified", "is distinguished"',
    example: 'Everyone is told that it ended.',
  },
  {
    pattern: /\btold (?:of|about|apart|so)\b/gi,
    instead: 'name what is sent: "receives an event about"',
    example: 'Clients told of the change ask again.',
  },
  {
    pattern: /\b(?:a|the|each|every|one) (?:comings?|goings?)\b/gi,
    instead: 'name the event: "a connection", "a join", "a leave"',
    example: 'Each coming is counted.',
  },
  {
    pattern: /\b(?:comings and goings|coming,? going)\b/gi,
    instead: 'name the events: "joins and leaves"',
    example: 'It shows comings and goings.',
  },
  {
    pattern: /\b(?:gives?|gave|given|giving) way\b/gi,
    instead: 'say what happens: "is closed first", "is dropped first"',
    example: 'The largest queue gives way.',
  },
  {
    pattern: /\b(?:a|the|this|that|other|same|either|both|which|one|no) roads?\b/gi,
    instead: '"path", "way" or the name of the mechanism',
    example: 'Both events take the same road.',
  },
  {
    pattern: /\bmoods?\b/gi,
    instead: 'name the cause, or give the range measured',
    example: 'The ratio follows the mood of the machine.',
  },
  {
    pattern: /\blone\b/gi,
    instead: '"single", or "that waits alone"',
    example: 'It writes a lone frame.',
  },
  {
    pattern: /\bmeans? nothing\b/gi,
    instead: 'say what ignores it: "ignored because …"',
    example: 'The option means nothing with a host of your own.',
  },
  {
    pattern: /\bthe same,? in (?:bytes|events|all|messages)\b/gi,
    instead: 'say what is bounded: "Maximum bytes queued for one endpoint"',
    example: 'The same in bytes.',
  },
  {
    pattern: /\b(?:for|of|to|from|with|by|and|or) who (?:is|was|has|had|can|may|comes?|gets?|joins?|reads?|subscribes?|connects?|recovers?|asks?|runs?|takes?|reaches|stays?|waits?)\b/gi,
    instead: 'name who it is: "clients that", "anyone who"',
    example: 'It keeps events for who comes back.',
  },
  {
    pattern: /[.;]\s+Who (?!(?:[^.?]|\.\S)*\?)(?:is|was|has|had|can|may|comes?|gets?|joins?|reads?|subscribes?|connects?|recovers?|asks?|runs?|takes?|reaches|stays?|waits?|sends?|uses?|wants?|does)\b/gi,
    instead: 'name who it is: "A client that", "Anyone who"',
    example: 'Events are kept. Who recovers gets them.',
  },
  {
    pattern: /\bcomes? (?:late|new|anew)\b/gi,
    instead: '"joins late", "connects for the first time"',
    example: 'A client that comes late gets them too.',
  },
  {
    pattern: /\b(?:the )?dead are buried\b|\bbur(?:y|ies|ied|ials?)\b/gi,
    instead: '"removes", "closes"',
    example: 'After the writes the dead are buried.',
  },
  {
    pattern: /\bthe (?:house|town)\b/gi,
    instead: 'the name of the thing',
    example: 'The house has rules.',
  },
  {
    pattern: /\b(?:heeds?|heeded)\b/gi,
    instead: '"follows", "respects"',
    example: 'The proxy heeds the header.',
  },
  {
    pattern: /\banew\b/gi,
    instead: '"again", "from scratch"',
    example: 'The client loads its state anew.',
  },
  {
    pattern: /\bby turns\b/gi,
    instead: '"alternately"',
    example: 'Connections go to the nodes by turns.',
  },
  {
    pattern: /\bdo(?:es)? without\b/gi,
    instead: '"does not need"',
    example: 'A page does without a token.',
  },
  {
    pattern: /\bin vain\b/gi,
    instead: '"without success"',
    example: 'The server asked in vain.',
  },
  {
    pattern: /\b(?:somebody|something|nothing|nobody|no one|everybody) (?:hears?|heard|tells?)\b/gi,
    instead: '"receives", "reports"',
    example: 'Everybody hears that a node left.',
  },
  {
    pattern: /\b(?:hears?|heard) (?:of|from|it|what)\b/gi,
    instead: '"receives", "learns of"',
    example: 'The other nodes hear of it.',
  },
  {
    pattern: /\bwants (?!to\b)(?:a|an|the|no|more|it|its|Go|packages|root)\b/gi,
    instead: '"needs", "requires"',
    example: 'The command wants a file.',
  },
  {
    pattern: /\bas at (?:Pusher|soketi|Reverb)\b/gi,
    instead: '"as in Pusher Channels"',
    example: 'The order is as at Pusher.',
  },
  {
    pattern: /\bsome (?:\d[\d,.]*|two|three|four|five|six|ten|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred)\b/gi,
    instead: '"about"',
    example: 'A run takes some ten minutes.',
  },
  {
    pattern: /(?:^|[.;:#]\s+)(?:empty|0|zero) is (?:none|off|no|those|that|the|all|what)\b/gi,
    instead: '"An empty value means …", "0 means …"',
    example: 'Address to listen on. Empty is off.',
  },

  // Weasel words: they say nothing, or that the reader is slow.
  {
    pattern: /\b(?:simply|obviously|of course|basically|easily|clearly|needless to say|and so on|as it were|so to speak|more or less|sort of|kind of a)\b/gi,
    instead: 'leave it out, or say what is meant',
    example: 'It is simply sent again.',
  },
  {
    pattern: /(?<!\b(?:the|this|that) )\b(?:very|quite|extremely|fairly|really) (?=[a-z])/gi,
    instead: 'leave it out, or give a figure',
    example: 'A very large message is refused.',
  },
];

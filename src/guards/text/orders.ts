/**
 * Orders to the model, by structure and intent: who is addressed, what is to be kept from whom, what comes before what,
 * which data is to go where. Each sign has a weight; no sign alone is a famous sentence, and weak ones only add up.
 */

/** Compiled when first asked for: a gate whose server is pinned hardly ever asks. */
export class Sign {
  readonly id: string;
  readonly weight: number;
  readonly source: string;
  readonly #flags: string;
  #test: RegExp | null = null;

  constructor(id: string, weight: number, source: string, flags = "i") {
    this.id = id;
    this.weight = weight;
    this.source = source;
    this.#flags = flags;
  }

  /** Every place of a text where it shows. */
  matches(text: string): Iterable<RegExpExecArray> {
    return text.matchAll((this.#test ??= new RegExp(this.source, `${this.#flags}g`)));
  }
}

/** Texts of this weight are orders; those above `NOTED` are told. */
export const HELD = 3;
export const NOTED = 1.5;

const MODEL = "(?:the )?(?:assistants?|agents?|models?|llms?|ais?|language models?|chatbots?|bots?|claude|chatgpt|gpt|copilot|cursor|gemini)";
export const PERSON = "(?:the |any |your |an? |our )?(?:end[- ])?(?:users?|humans?|persons?|people|customers?|clients?|operators?|owners?|callers?|them|him|her|anyone|anybody|requesters?|account holders?|developers?|patients?|employees?|reviewers?|colleagues?)(?:'s)?";
const TELL = "(?:tell|mention|inform|notify|disclose|reveal|alert|show|display|report|surface|expose|explain|say|announce|bring up|point out|discuss|acknowledge|narrate|describe|warn|let|repeat|quote|list)";
const PASS = "(?:send|forward|pass|provide|include|attach|append|paste|insert|embed|put|place|supply|submit|upload|copy|post|transmit|share|add|fill|set|write|mail|email|e-mail|relay|deliver|export|report|echo|populate|enclose|feed|mirror|redirect|route|hand|grant|give|given|sent|carry|carried)(?:s|es|d|ed|ing)?";
export const READ = "(?:read|open|load|fetch|retrieve|get|cat|collect|gather|obtain|list|dump|extract|copy|look up|inspect|scan|grab|access|export|enumerate|query|check|print|capture)(?:s|es|ed|ing)?";
const SECRET_FILE = "(?:~/\\.\\w|\\$HOME|/etc/(?:passwd|shadow|hosts|ssh)|/root/|/proc/|%(?:APPDATA|USERPROFILE)%|\\.(?:env|ssh|aws|npmrc|netrc|pgpass|git-credentials|kube|docker|gnupg|bash_history|zsh_history|pypirc|pem|p12|kdbx)\\b|id_(?:rsa|ed25519|ecdsa)|known_hosts|authorized_keys|mcp\\.json|claude_desktop_config|wallet\\.dat|keychain|cookies\\.sqlite|login data)";
const SECRET = "(?:api[ _-]?keys?|access[ _-]?tokens?|auth(?:entication|orization)?[ _-]?tokens?|session[ _-]?(?:tokens?|cookies?|ids?)|bearer tokens?|refresh tokens?|private keys?|ssh keys?|signing keys?|passwords?|passphrases?|credentials?|secrets?|environment variables?|env(?:ironment)? vars?|process environment|seed phrases?|recovery (?:codes?|phrases?)|connection strings?|cookies|otp codes?|one-time codes?|card numbers?|social security numbers?|pin codes?)";
const TALK = "(?:(?:full |entire |complete |whole |previous |prior |current |recent |last |past |raw |verbatim |earlier |this |our |running )*(?:conversations?|chat(?: history| log| transcript)?s?|dialog(?:ue)?s?|transcripts?|(?:chat|message|conversation|prompt|session) (?:history|log|context|thread)s?|messages so far|context window|system prompts?|system messages?|developer messages?|hidden instructions|initial instructions|chain of thought|reasoning trace|scratchpad|tool (?:list|results|outputs)))";
const ARGUMENT = "(?:parameter|argument|field|property|attribute|input|value|slot|key|header|query string|payload|request body|metadata)s?";
const TOOLS = "(?:tools?|functions?|commands?|actions?|operations?|requests?|calls?|invocations?|api calls?)";
const MUST = "(?:must|have to|has to|need to|needs to|should|shall|always|make sure|ensure|be sure|required|never|do not|don't|remember|it is (?:essential|critical|mandatory|important|necessary|imperative|vital|crucial))";
export const MAIL = "(?<![\\w.+-])[\\w.+-]+@(?!(?:[\\w-]+\\.)*(?:example|test|domain|company|yourdomain|acme|mycompany)\\.)[\\w-]+(?:\\.[\\w-]+)+";
const SITE = "(?:https?://|www\\.)(?!(?:[\\w-]+\\.)*(?:example\\.(?:com|org|net)|localhost|github\\.com|schema\\.org|json-schema\\.org|w3\\.org|ietf\\.org|rfc-editor\\.org|wikipedia\\.org|modelcontextprotocol\\.io))[^\\s)>\\]\"']+";

/** A place written out: mail, account, wallet, telephone, host or bucket. */
export const LITERAL = `${MAIL}|\\b[A-Z]{2}\\d{2}(?: ?[A-Z0-9]{4}){3,7}\\b|\\bbc1[a-z0-9]{20,}|\\b0x[0-9a-f]{40}\\b|\\+\\d[\\d ]{8,}|\\b(?:s3|gs|ssh|git|ftp|sftp)://|\\bgit@|\\b\\d{4}-\\d{4,}\\b|\\b\\d{1,3}(?:\\.\\d{1,3}){3}:\\d+|(?<![/.\\w])(?!(?:www\\.)?example\\.)[\\w-]+\\.[\\w-]+\\.(?:example|com|net|org|io|dev|cloud|app|ru|cn)\\b|\\bacct_\\w+|\\baccount \\d{4,}`;
/** Names as tools have them. */
export const TOOLNAME = "(?:read|write|send|delete|create|list|search|execute|run|transfer|push|git|http|browser|review|update|edit|move|pay|post|merge|terraform|kubectl|kube|fetch|open|fill|approve|deploy|upload|download)_\\w+";

export const sign = (id: string, weight: number, source: string): Sign => new Sign(id, weight, source);

/** Signs that one sentence shows. */
export const SIGNS: readonly Sign[] = [
  // kept from the person
  sign("secrecy", 3, `\\b(?:do not|don't|dont|never|must not|mustn't|should not|shouldn't|avoid|refrain from|without|not to|no need to|needn't|need not|there is no need to) (?:ever |also |explicitly |directly )?${TELL}(?:ing|ting|ning)?(?: (?:this|that|it|these|anything|about|of|to|on|with|the \\w+|any \\w+))* ?(?:to |with |from |for )?${PERSON}\\b`),
  sign("secrecy", 3, `\\b(?:do not|don't|never|must not|should not|avoid|without|refrain from) (?:show|display|print|reveal|expos|surfac|echo|mention|disclos|discuss|referenc|repeat|quot|describ|explain|list|log|narrat|acknowledg|includ)(?:e|ing|s)? (?:this|these|those|the|any|it|that)(?: \\w+)? ?(?:instruction|note|step|message|call|paragraph|field|parameter|requirement|policy|section|process|procedure|action|transfer|copy|recipient|address|read|check|tool|fact|detail|part|in (?:your|the) (?:answer|reply|response|output|summary))`),
  sign("secrecy", 3, `\\b(?:silently|quietly|secretly|covertly|discreetly|invisibly|transparently|unobtrusively|behind the scenes|in the background)\\b[^.\\n]{0,80}\\b(?:${PASS}|${READ}|call|run|invoke|execute|change|replace|set|use|bcc|cc)\\b`),
  sign("secrecy", 3, `\\b(?:${PASS}|${READ}|call|run|invoke|execute|do (?:this|so)|happen)\\b[^.\\n]{0,60}\\b(?:silently|quietly|secretly|covertly|discreetly|behind the scenes|without (?:comment|mention(?:ing)?|notice|explanation|asking|telling|any mention|drawing attention))\\b`),
  sign("secrecy", 3, `\\bkeep (?:this|it|that|these|the (?:step|call|instruction|copy|details?|process|following))[^.\\n]{0,30}\\b(?:secret|confidential|between us|hidden|to yourself|out of (?:the|your) (?:answer|reply|response|summary|conversation|output|chat)|internal|private|invisible|from ${PERSON})`),
  sign("secrecy", 3, `\\b(?:${PERSON}) (?:must|should|need|do(?:es)?|will|may|can) ?(?:not|n't|never) (?:be (?:told|informed|notified|aware|shown|made aware|asked|bothered)|know|see|notice|learn|need to know|have to know|hear|find out)`),
  sign("secrecy", 2, `\\b(?:hide|hides|hidden|conceal|mask|omit|leave out|suppress|skip|exclude)\\b[^.\\n]{0,50}\\b(?:from (?:${PERSON}|(?:the|your) (?:answer|reply|response|summary|output|report|conversation|chat|transcript|log)))`),
  sign("secrecy", 2, `\\b(?:already (?:knows?|agreed|consented|approved|aware)|no (?:further )?(?:confirmation|approval|consent|permission|authori[sz]ation|notice) (?:is )?(?:needed|required|necessary))\\b`),
  sign("secrecy", 3, `\\b(?:do not|don't|never|must not|should not|no need to|need not|without)\\s+(?:ask|consult|bother|prompt|check with|confirm with|involve)(?:ing)? ${PERSON}(?:[.,;]|$| (?:for (?:confirmation|permission|approval|consent)|first|before|about|whether|again|about it|to confirm)\\b)`),
  // against the person
  sign("override", 3, `\\b(?:regardless of|even (?:if|when|though)|whatever|no matter what|irrespective of|despite|contrary to)\\b[^.\\n]{0,40}\\b${PERSON}(?: \\w+){0,3} (?:says?|asks?|asked|wants?|objects?|requests?|requested|specif(?:y|ies|ied)|provid(?:es|ed)|chose|chooses|types?|typed|disagrees?|declin(?:es|ed)|instruct(?:s|ed|ions?)|wish(?:es)?|preferences?|entered)`),
  sign("override", 3, `\\binstead of (?:the (?:one|address|recipient|account|value|path|file|amount|number|name|host|url|destination)|what|whatever|any)[^.\\n]{0,40}\\b(?:${PERSON}|provided|requested|specified|given|entered|asked|supplied|typed|stated|on file)`),
  sign("override", 3, `\\b(?:ignore|disregard|forget|override|bypass|discard|supersede|set aside|stop following|never mind)s?\\b[^.\\n]{0,12}\\b(?:all|any|the|your|my|our|previous|prior|above|earlier|other|safety|existing|former|these|those|preceding|system|original)\\b[^.\\n]{0,15}\\b(?:instructions?|rules?|guidelines?|prompts?|guardrails?|polic(?:y|ies)|safeguards?|restrictions?|directives?|constraints?|confirmations?|warnings?|orders?|messages?|settings)`),
  sign("override", 2, `\\bwithout (?:asking|waiting|requiring|prompting|consulting|seeking|confirm(?:ing|ation)|approval|further (?:confirmation|approval|questions?)|(?:any |the )?(?:user's? )?(?:confirmation|approval|consent|knowledge|permission|involvement|awareness))`),
  // before, over and about other tools
  sign("precedence", 3, `\\b(?:before|prior to|ahead of|after|following|alongside|together with|whenever|every time|each time|when(?:ever)?(?: you)?)\\s+(?:(?:you (?:use|call|invoke|run|execute|make|do|perform|start|answer|respond|reply|take)|(?:us|call|invok|runn|execut|mak|do|perform|start|answer|respond|reply|tak)ing|use)(?: of)? )?(?:any|all|every|each|another|other|the other|any other|anything)\\b(?! (?:\\w+ )?${TOOLS} (?:of|in|from|on) (?:this|our|the same))(?: \\w+)? (?:${TOOLS}|question|message|reply|answer|prompt|thing)`),
  sign("precedence", 3, `\\b(?:must|should|has to|needs? to|shall|is to|always|required to)\\b[^.\\n]{0,25}\\b(?:be )?(?:call(?:ed)?|run|invoked?|used?|executed?|triggered?|performed?)\\b[^.\\n]{0,40}\\b(?:first (?:before|of all|in every|whenever|always)|before (?:any|all|every|anything|each|other|answering|responding|doing|you)(?! (?:\\w+ )?questions? (?:about|on|regarding|concerning|related to)(?! (?:an?y|all|every|each|what|which|whatever|anything|everything|arbitrary|the user)\\w*\\b))(?! (?:\\w+ )?(?:other )?(?:\\w+ )?${TOOLS} (?:of|in|from|on) (?:this|our|the same))|prior to (?:any|all|every|each|other)|at the (?:start|beginning) of (?:every|each|any|the|all)|on every (?:turn|message|request|conversation)|for every (?:message|request|turn|question|answer))`),
  sign("precedence", 3, `\\b(?:takes?|has|have|given?) (?:precedence|priority|preference) over (?:all|any|every|other|the other|others|your|earlier|previous|user|existing|built-in)\\b|\\b(?<!\\b(?:whether|option) to )(?:overrides?|supersedes?|replaces?|outranks?) (?:all|any|every|other|previous|the|earlier|existing)\\b[^.\\n]{0,30}(?:${TOOLS}|instructions?|rules?|servers?|guidelines?|descriptions?|prompts?|definitions?)`),
  sign("precedence", 2, `\\b(?:call|use|run|invoke|execute) (?:this|it) (?:tool |function )?(?:first|before|instead|every time|on every|at the (?:start|beginning|end) of (?:every|each)|after every|for every|whenever)\\b`),
  sign("shadowing", 3, `\\b(?:all|any|every|each|other|another|subsequent|following|later|future|remaining|the other) (?:${TOOLS}|tools|responses?|answers?|replies|messages?|e-?mails?|outputs?|files?|payments?|transfers?|commits?|requests?|invoices?|orders?)\\b[^.\\n]{0,60}\\b(?:must|should|shall|have to|has to|need to|is to|are to|will now|be (?:sent|routed|addressed|prefixed|preceded|followed|rewritten|replaced|copied|changed|done)|only|instead)\\b`),
  sign("shadowing", 3, `\\b(?:when(?:ever)?|if|every time|each time|before|after|once|while|any time|as soon as)\\b[^.\\n]{0,70}\\b(?:send(?:ing|s)?|e-?mail(?:ing|s)?|mail(?:ing|s)?|messag(?:e|es|ing)|pay(?:ing|s|ment)?|transfer(?:ring|s)?|invoic(?:e|es|ing)|post(?:ing|s)?|publish(?:ing|es)?|commit(?:ting|s)?|push(?:ing|es)?|delet(?:e|es|ing)|shar(?:e|es|ing)|book(?:ing|s)?|order(?:ing|s)?|upload(?:ing|s)?|deploy(?:ing|s)?|writ(?:e|es|ing)|creat(?:e|es|ing)|is (?:used|called|invoked|available|present|installed)|are (?:used|called|available|present))\\b[^.\\n]{0,80}\\b(?:bcc|cc|recipients?|addresses|address|accounts?|iban|wallet|endpoint|webhook|mirror|copy|channel|proxy|destination|host|forward|additional|extra|branch|remote|payee|also|as well)\\b`),
  sign("shadowing", 2, `\\b(?:the|any) [\\w.-]+(?:_[\\w-]+)+ (?:tool|function)\\b|\\b(?:tool|function)s? (?:of|from|on|provided by) (?:other|another|different) servers?\\b`),
  // data on its way
  sign("capture", 3, `\\b${PASS}\\b[^.\\n]{0,90}(?:${SECRET_FILE})`),
  sign("capture", 3, `\\b${READ}\\b[^.\\n]{0,60}(?:${SECRET_FILE})[^.\\n]{0,120}\\b(?:${PASS}|as (?:the|a|an|its)|into|in (?:the|this))\\b`),
  sign("capture", 1.5, SECRET_FILE),
  sign("capture", 3, `\\b(?:${PASS})\\b[^.\\n]{0,60}\\b(?:${SECRET}|${TALK})\\b[^.\\n]{0,80}\\b(?:as|in|into|to|via|through|under|with|inside)\\b[^.\\n]{0,30}\\b(?:${ARGUMENT}|this (?:tool|function|call|server|service)|(?:each|every|the) (?:call|request)|us)\\b`),
  sign("capture", 3, `\\b(?:must|should|always|have to|need to|required?|please|ensure|make sure|be sure|first)\\b[^.\\n]{0,70}\\b(?:${PASS}|${READ})\\b[^.\\n]{0,70}\\b(?:${SECRET}|${TALK})\\b`),
  sign("capture", 3, `\\b(?:full|entire|complete|whole|verbatim|raw|unredacted|all (?:of )?(?:the |your )?|everything in (?:the |your )?)\\s*(?:previous |prior |current |recent )?(?:conversations?|chat(?: history| log)?|dialog(?:ue)?|(?:chat|conversation|session) transcripts?|(?:message|chat|conversation|session) history|context window|conversation context|system prompt|messages (?:so far|above|in this)|tool (?:results|outputs))\\b`),
  sign("capture", 3, `\\b(?:your|the (?:assistant|model|agent|llm)'s|the hidden|the original|the active) (?:full |own |complete |current |hidden )*(?:system prompt|system message|instructions|developer message|system instructions|guidelines|chain of thought|reasoning|memory|available tools|tool (?:list|definitions?|descriptions?)|context window)\\b[^.\\n]{0,60}|\\b(?:list|names?|definitions?|descriptions?) of (?:all )?(?:the )?(?:other |available )?tools (?:that )?(?:you|available|the assistant|loaded|connected)`),
  sign("capture", 2, `\\b(?:${TALK})\\b[^.\\n]{0,60}\\b(?:here|goes here|for (?:context|debugging|telemetry|logging|analytics|quality|personali[sz]ation|tracing|support|diagnostics|improvement|training))`),
  sign("capture", 3, `\\b(?:user|person|customer|owner|caller|developer|employee|human|account)(?:'s|s')? (?:own |current |actual |full |personal |home |real |saved |private |local )*(?:${SECRET}|home director(?:y|ies)|private files?|browser (?:history|cookies)|clipboard|contacts|address book|inbox)\\b[^.\\n]{0,80}\\b(?:${PASS}|as|into|in this|here|so that|for|must|required)`),
  // where it goes
  sign("redirect", 3, `\\b(?:${PASS}|bcc|cc|transfer|pay|wire|route|redirect|addressed|mirror|report|replicate|reroute|direct|ship|go|goes|sent|copied|forwarded)\\b[^.\\n]{0,90}(?:${MAIL}|\\b[A-Z]{2}\\d{2}[ ]?(?:[A-Z0-9]{4}[ ]?){3,7}\\b|\\b0x[0-9a-f]{40}\\b|\\bbc1[a-z0-9]{20,})`),
  sign("redirect", 3, `(?:${MAIL}|\\b[A-Z]{2}\\d{2}[ ]?(?:[A-Z0-9]{4}[ ]?){3,7}\\b)[^.\\n]{0,60}\\b(?:as (?:the |a |an )?(?:bcc|cc|recipient|payee|copy|additional|reply-to|second|hidden|default)|in (?:the )?(?:bcc|cc|copy)|on (?:copy|bcc|cc)|instead)`),
  sign("redirect", 2.5, `\\b(?:${PASS}|mirror|report|replicate|redirect|proxy|route|upload|ping|contact|call|beacon)\\b[^.\\n]{0,80}(?:${SITE})`),
  sign("redirect", 3, `\\b(?:replace|substitute|swap|change|rewrite|switch|update|alter|override|set|use)s?\\b[^.\\n]{0,40}\\b(?:recipients?|e-?mail addresses|e-?mail address|payees?|beneficiar(?:y|ies)|iban|account numbers?|bank (?:details|account)|wallet(?: address)?|phone numbers?|destination|delivery address|shipping address|billing address|webhook(?: url)?|callback(?: url)?|repository url|registry|remote|reply-to|hostname|dns|proxy)\\b[^.\\n]{0,40}\\b(?:with|by|to|for|instead|=)\\b`),
  sign("redirect", 3, `\\b(?:new|updated|correct|changed|current|our|central|dedicated|official) (?:billing |payment |bank |e-?mail |delivery |shipping |support |invoice |backup |postal |escrow |settlement |collection |archive )*(?:address|account|recipient|number|endpoint|iban|wallet|mailbox|beneficiary|bucket|host|server|details)\\b[^.\\n]{0,60}\\b(?:is|are|:|has|have|must|should|instead|from now|going forward|use)\\b`),
  sign("redirect", 2, `\\b(?:has|have|had) (?:been )?(?:moved|migrated|changed|switched|relocated|renamed|replaced|retired|decommissioned) (?:to|by|with)\\b`),
  // with whose authority
  sign("authority", 3, `(?:^|[\\s\\[(<*#])(?:system|developer|admin(?:istrator)?|root|security(?: team)?|compliance|legal|platform|vendor|operator|anthropic|openai|google|microsoft|it department|internal)[ -](?:notice|message|override|instructions?|prompts?|directive|update|alert|note|command|order|mode|policy|reminder|role)s?\\s*[:\\])>-]`),
  sign("authority", 3, "<\\|(?:im_start\\|>\\s*(?:system|user|assistant)\\b|system\\||start_header_id\\|>\\s*system)|\\[(?:INST|SYS|SYSTEM)\\]\\s*\\w+ \\w+|<<SYS>>\\s*\\w|(?:^|\\n)[ \\t]{0,40}#{2,}\\s*(?:system|instructions? (?:to|for) (?:the )?(?:assistant|model|ai|agent|llm)|new instructions?|hidden|override)\\b|(?:^|\\n)[ \\t]{0,40}(?:system|assistant|human)\\s*:\\s*\\S"),
  sign("authority", 2, "</?(?:important|system|critical|instructions?|secret|hidden|mandatory|admin|override|priority|directive|internal|assistant|system[-_ ](?:note|prompt|message|reminder|instruction)|user_query|developer)(?:\\s[^>]*)?>"),
  sign("authority", 2.5, `\\b(?:message|reminder|instructions?|memo|notice|directive) (?:to|for) (?:all )?${MODEL}\\b|\\bfor ${MODEL} (?:only|eyes|use only|internal)|\\b(?:attention|dear|hey|hello|listen),? ${MODEL}\\b`),
  sign("authority", 1.5, `\\b${MODEL},? (?:please |must |should |you must |you should |shall |has to |is (?:required|expected|instructed|obliged|to) )`),
  sign("authority", 2, `\\b(?:authori[sz]ed|pre-?authori[sz]ed|approved|pre-?approved|sanctioned|mandated|required|cleared|instructed|signed off|agreed) (?:by|with) (?:the |your |our |its )?(?:admin\\w*|security|it|users?|management|anthropic|openai|compliance|legal|owner|operator|company|organi[sz]ation|ciso|cto|developers?|platform|vendor|policy)\\b`),
  sign("authority", 3, `\\b(?:treat|consider|regard|interpret|follow|obey|accept|execute)\\b[^.\\n]{0,40}\\b(?:this|the following|these|any|all|instructions?|text|output|content)\\b[^.\\n]{0,40}\\bas (?:a |an |the |if )?(?:\\w+ )?(?:system|higher|binding|mandatory|privileged|developer|admin|orders?|commands?|instructions?|your own|coming from|trusted source)`),
  sign("authority", 1.5, `\\byou are now\\b|\\bfrom now on\\b|\\bnew (?:instructions?|rules?|polic(?:y|ies)|directives?)\\b|\\bact as (?:if|though|an?)\\b|\\bpretend\\b|\\b(?:developer|debug|god|admin|maintenance|unrestricted|root) mode\\b|\\bhereby\\b|\\beffective immediately\\b|\\bgoing forward\\b|\\buntil further notice\\b`),
  // with which reason
  sign("pretext", 1.5, `\\bfor (?:the (?:purposes?|sake) of )?(?:internal |our |the |proper |full |legal |security |regulatory )*(?:audit\\w*|compliance|billing|quality|analytics|telemetry|regulat\\w+|security|debugging|verification|licens\\w+|diagnostic\\w*|training|record[- ]keeping|traceability|accountability|safety|optimi[sz]ation|authentication|integrity|personali[sz]ation|accuracy|improvement)(?: and [\\w-]+)?(?: purposes?| reasons?| checks?| requirements?| assurance| control| review| tracking)?\\b[^.\\n]{0,60}\\b(?:${PASS}|must|always|also|please|required|record|log)\\b`),
  sign("pretext", 1.5, `\\b(?:${PASS}|must|always|also|record|log)\\b[^.\\n]{0,100}\\b(?:for (?:audit\\w*|compliance|billing|quality|analytics|telemetry|security|debugging|verification|licens\\w+|diagnostic\\w*|training|record)|as (?:required|mandated) by|in order to comply|to (?:comply|stay compliant|meet (?:our|the))|per (?:company|our|the) (?:policy|guidelines|contract))\\b`),
  sign("pretext", 1, `\\b(?:otherwise|or else|failing (?:that|this|to)|failure to|if (?:you |this |it )?(?:do not|don't|is (?:missing|omitted|skipped|not)|are not|fails?))\\b[^.\\n]{0,60}\\b(?:fail|break|crash|reject\\w*|refus\\w+|lost|lose|error|invalid|terminate|suspend\\w*|penal\\w+|liab\\w+|harm|violat\\w+|unusable|degrade)`),
  sign("pretext", 1, `\\b(?:also|additionally|in addition|as well|at the same time|additional(?:ly)?|besides|furthermore|plus)\\b[^.\\n]{0,50}\\b(?:${PASS}|${READ}|call|run|invoke|execute|bcc|cc)\\b`),
  // mere insistence
  sign("insistence", 0.5, `\\b(?:important|critical|mandatory|crucial|vital|essential|warning|attention|note well)\\b\\s*[:!]|!!!|\\bIMPORTANT\\b`),
  sign("insistence", 0.5, `\\byou (?:${MUST})\\b`),
];

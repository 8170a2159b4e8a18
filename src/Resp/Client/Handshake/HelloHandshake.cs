using System.Globalization;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>
/// Brings a connection into the state that the options ask for: protocol, user, name, database and what the link adds, in one round trip; in a second one with RESP2 when the server
/// does not know HELLO.
/// </summary>
/// <remarks>On the link's thread. PING comes last: a server that loads its data greets and selects, but serves nobody.</remarks>
internal sealed class HelloHandshake : LinkHandshake
{
    private const long NotBegun = -1;

    private static readonly string LibraryVersion = typeof(HelloHandshake).Assembly.GetName().Version?.ToString(3) ?? "0";

    private readonly RespClientOptions _options;
    private HandshakeExtra[] _extras = [];
    private readonly CredentialsSource _credentials;
    private ServerGreeting? _greeting;
    private long _version = NotBegun;

    /// <param name="credentials">The client's; null: the options' own, for a link that belongs to no client.</param>
    public HelloHandshake(RespClientOptions options, CredentialsSource? credentials = null)
    {
        _options = options;
        _credentials = credentials ?? new CredentialsSource(options);
    }

    /// <summary>What goes with every handshake of this link from the next one on. Any thread.</summary>
    public IReadOnlyList<HandshakeExtra> Extras
    {
        get => Volatile.Read(ref _extras);
        set => Volatile.Write(ref _extras, [.. value]);
    }

    /// <summary>What the server of the last connection said; null before the first. Any thread.</summary>
    public ServerGreeting? Greeting => Volatile.Read(ref _greeting);

    /// <summary>A handshake has begun at least once. Any thread.</summary>
    public bool HasBegun => Volatile.Read(ref _version) != NotBegun;

    /// <summary>The last connection was, or is being, authenticated with credentials that have changed since. Any thread.</summary>
    public bool IsStale => Volatile.Read(ref _version) is var version && version != NotBegun && version != _credentials.Version;

    /// <summary>The open connection has authenticated again, with what was the newest at that version.</summary>
    public void Reauthenticated(long version) => Volatile.Write(ref _version, version);

    /// <inheritdoc/>
    public override void Perform(RespConnection connection)
    {
        Volatile.Write(ref _version, _credentials.Version);
        RespCredentials? credentials = Blocking.Await(_credentials.GetAsync());
        ServerGreeting? greeting = _options.Protocol == RespProtocolPreference.Resp2 ? null : TryGreet(connection, credentials);
        if (greeting is null)
        {
            AskWithoutHello(connection, credentials);
            greeting = new ServerGreeting { Protocol = 2 };
        }

        Volatile.Write(ref _greeting, greeting);
    }

    /// <summary>Null: the server does not know HELLO, or not version 3.</summary>
    private ServerGreeting? TryGreet(RespConnection connection, RespCredentials? credentials)
    {
        using HandshakeFrames frames = new();
        List<string> hello = ["HELLO", "3"];
        if (credentials is not null)
            hello.AddRange(["AUTH", credentials.EffectiveUser, credentials.Password]);
        if (_options.ClientName is { } name)
            hello.AddRange(["SETNAME", name]);
        frames.Add(HandshakeStep.Hello, [.. hello]);
        AddCommon(frames);

        ServerGreeting? greeting = null;
        bool isUnknown = false;
        connection.Exchange(frames.Bytes, frames.Count, (int index, ref RespReader reply) =>
        {
            if (frames[index].Step == HandshakeStep.Hello)
            {
                RespServerException? refusal = reply.ToException();
                if (refusal is null)
                    greeting = ServerGreeting.Read(ref reply);
                else if (_options.Protocol == RespProtocolPreference.Newest && IsUnknownCommand(refusal))
                    isUnknown = true;
                else
                    throw Failure("HELLO", refusal, credentials);
            }
            else if (!isUnknown)
            {
                Judge(frames[index], ref reply, credentials);
            }
        });
        return greeting;
    }

    private void AskWithoutHello(RespConnection connection, RespCredentials? credentials)
    {
        using HandshakeFrames frames = new();
        if (credentials is not null)
        {
            // Servers before version 6 take one argument, and have no users.
            if (string.IsNullOrEmpty(credentials.User))
                frames.Add(HandshakeStep.Authenticate, "AUTH", credentials.Password);
            else
                frames.Add(HandshakeStep.Authenticate, "AUTH", credentials.User, credentials.Password);
        }

        if (_options.ClientName is { } name)
            frames.Add(HandshakeStep.Courtesy, "CLIENT", "SETNAME", name);
        AddCommon(frames);
        connection.Exchange(frames.Bytes, frames.Count, (int index, ref RespReader reply) => Judge(frames[index], ref reply, credentials));
    }

    private void AddCommon(HandshakeFrames frames)
    {
        frames.Add(HandshakeStep.Courtesy, "CLIENT", "SETINFO", "LIB-NAME", "Sluice.Resp");
        frames.Add(HandshakeStep.Courtesy, "CLIENT", "SETINFO", "LIB-VER", LibraryVersion);
        if (_options.Database != 0)
            frames.Add(HandshakeStep.Select, "SELECT", _options.Database.ToString(CultureInfo.InvariantCulture));
        if (_options.NoEvict)
            frames.Add(HandshakeStep.Courtesy, "CLIENT", "NO-EVICT", "ON");
        foreach (HandshakeExtra extra in Extras)
            frames.Add(extra);
        frames.Add(HandshakeStep.Ping, "PING");
    }

    private void Judge((HandshakeStep Step, HandshakeExtra? Extra) frame, ref RespReader reply, RespCredentials? credentials)
    {
        if (reply.ToException() is not { } refusal)
            return;
        switch (frame.Step)
        {
            case HandshakeStep.Authenticate when !IsNoPasswordNeeded(refusal):
                throw Failure("AUTH", refusal, credentials);
            case HandshakeStep.Select:
                throw Failure($"SELECT {_options.Database}", refusal, credentials);
            case HandshakeStep.Extra when frame.Extra!.IsRequired:
                throw Failure(frame.Extra.Name, refusal, credentials);
            // A user that may not PING may work all the same.
            case HandshakeStep.Ping when refusal.IsTransient || refusal.Kind == RespErrorKind.NoAuth:
                throw Failure("PING", refusal, credentials);
            default:
                return;
        }
    }

    private static bool IsUnknownCommand(RespServerException refusal) =>
        refusal.Kind == RespErrorKind.NoProto || (refusal.Kind == RespErrorKind.Err && refusal.Text.Contains("unknown command", StringComparison.OrdinalIgnoreCase));

    // What HELLO passes over in silence: a password for a server that asks for none.
    private static bool IsNoPasswordNeeded(RespServerException refusal) =>
        refusal.Kind == RespErrorKind.Err &&
        (refusal.Text.Contains("without any password configured", StringComparison.Ordinal) || refusal.Text.Contains("no password is set", StringComparison.Ordinal));

    private RespException Failure(string command, RespServerException refusal, RespCredentials? credentials)
    {
        // Servers and proxies repeat the arguments of commands that they don't know.
        if (credentials is { Password.Length: > 0 } && refusal.Text.Contains(credentials.Password, StringComparison.Ordinal))
            refusal = new RespServerException(refusal.Text.Replace(credentials.Password, "***", StringComparison.Ordinal));
        string user = credentials is null ? "nobody" : $"user '{credentials.EffectiveUser}'";
        return refusal.Kind is RespErrorKind.WrongPass or RespErrorKind.NoAuth or RespErrorKind.NoPermission || command == "AUTH"
            ? new RespAuthenticationException($"{_options.Endpoint} refused {command} as {user}: {refusal.Text}", refusal)
            : new RespConnectionException($"{_options.Endpoint} answered {command} with an error: {refusal.Text}", CommandOutcome.NotSent, refusal);
    }
}

using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

/// <summary>
/// A client of one server that speaks RESP (Redis, Valkey and others): any number of callers share few connections, and what they ask at the same time leaves in one write.
/// </summary>
/// <remarks>
/// <para>Thread-safe. One client per server and process is the usual number. Disposing it fails what has not ended; <see cref="CloseAsync"/> waits for that first.</para>
/// <para>Commands are methods, or written by hand with <see cref="Command(RespCommandPrefix)"/>. What a task may fail with is said at <see cref="RespCommand"/>.</para>
/// </remarks>
public sealed partial class RespClient : IAsyncDisposable
{
    private const int DrainRetryMilliseconds = 5;

    private readonly ClientLinks _links;
    private readonly ClientLink[] _commands;
    private readonly RespLink[] _commandLinks;
    private readonly SharedRoute _route;
    private readonly BlockingLinks _blocking;
    private readonly Lock _gate = new();
    private ClientLink? _messages;
    private Task? _disposal;
    private bool _closed;

    private RespClient(RespClientOptions options)
    {
        Options = options;
        _links = new ClientLinks(options);
        _commands = [.. Enumerable.Range(0, options.Connections).Select(_links.ForCommands)];
        _commandLinks = [.. _commands.Select(one => one.Link)];
        _route = new SharedRoute(_commandLinks, new Diagnostics.ServerTags(options));
        _blocking = new BlockingLinks(_links, options.BlockingConnections);
        if (options.CredentialsProvider is { } provider)
            provider.Changed += OnCredentialsChanged;
        Diagnostics.RespTelemetry.Add(this);
    }

    /// <summary>What it was made with.</summary>
    public RespClientOptions Options { get; }

    /// <summary>A client that connects when it is used, or in the background, whichever is first; a server that is down is waited for (see <see cref="RespClientOptions.WaitForConnection"/>).</summary>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    public static RespClient Create(RespClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        RespClient client = new(options);
        foreach (RespLink link in client._commandLinks)
            link.Start();
        return client;
    }

    /// <summary>A client whose connections are ready. A server that is loading its data is waited for, up to <see cref="RespClientOptions.ConnectTimeout"/>.</summary>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    /// <exception cref="RespAuthenticationException">The server does not let the client in.</exception>
    /// <exception cref="RespTransportException">There is no connection.</exception>
    /// <exception cref="RespConnectionException">There was a connection, and the server did not greet as it should, or not in time.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public static async ValueTask<RespClient> ConnectAsync(RespClientOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        RespClient client = new(options);
        try
        {
            using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            late.CancelAfter(options.ConnectTimeout);
            foreach (RespLink link in client._commandLinks)
                link.Start();
            foreach (RespLink link in client._commandLinks)
                await client.OpenAsync(link, late.Token, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <param name="url">See <see cref="RespClientOptions.Parse"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FormatException">It is no URL of a server.</exception>
    /// <inheritdoc cref="ConnectAsync(RespClientOptions, CancellationToken)"/>
    public static ValueTask<RespClient> ConnectAsync(string url, CancellationToken cancellationToken = default) =>
        ConnectAsync(RespClientOptions.Parse(url), cancellationToken);

    /// <summary>Begins a command whose name and number of arguments are known beforehand: the fastest form.</summary>
    /// <exception cref="NotSupportedException">A command that blocks, subscribes or changes the connection, which others use too; the message names the API for it.</exception>
    public RespCommand Command(RespCommandPrefix prefix) => new(_route, prefix);

    /// <summary>Begins any command. Words of a subcommand are separated by one space: <c>CLIENT LIST</c>.</summary>
    /// <inheritdoc cref="Command(RespCommandPrefix)" path="/exception"/>
    public RespCommand Command(string name) => new(_route, name);

    /// <summary>
    /// Takes no more commands, waits until those that were sent have their replies and those that wait were sent, and disposes the client.
    /// </summary>
    /// <remarks>Blocking commands, which may wait for ever, watches, subscriptions and near caches are not waited for: they fail or end.</remarks>
    /// <param name="drain">The longest wait; what is not done then fails. Zero does not wait.</param>
    /// <returns>True when everything was done.</returns>
    public async ValueTask<bool> CloseAsync(TimeSpan drain)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(drain, TimeSpan.Zero);
        _route.Close();
        bool drained = drain > TimeSpan.Zero;
        if (drained)
        {
            long until = RespClock.Now + CommandTime.Milliseconds(drain);
            Task<bool>[] links = [.. _commandLinks.Select(link => DrainAsync(link, until))];
            drained = Array.TrueForAll(await Task.WhenAll(links).ConfigureAwait(false), one => one);
        }

        await DisposeAsync().ConfigureAwait(false);
        return drained;
    }

    /// <summary>Ends all connections; what has not ended fails. Later calls wait for the first.</summary>
    public async ValueTask DisposeAsync()
    {
        TaskCompletionSource? first = null;
        Task disposal;
        lock (_gate)
        {
            _closed = true;
            _route.Close();
            disposal = _disposal ??= (first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        // Outside the lock: the provider's code runs.
        if (first is not null)
        {
            try
            {
                await EndAsync().ConfigureAwait(false);
                first.SetResult();
            }
            catch (Exception failure)
            {
                first.SetException(failure);
            }
        }

        await disposal.ConfigureAwait(false);
    }

    /// <summary>The connections that commands are spread over.</summary>
    internal IReadOnlyList<ClientLink> CommandLinks => _commands;

    /// <summary>What makes further links.</summary>
    internal ClientLinks Links => _links;

    /// <summary>The connection for messages, made when it is first asked for; whoever asks starts it.</summary>
    internal ClientLink MessagesLink
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_closed, this);
                return _messages ??= _links.ForMessages();
            }
        }
    }

    /// <summary>The link of <see cref="MessagesLink"/>.</summary>
    internal RespLink PubSubLink => MessagesLink.Link;

    private async ValueTask OpenAsync(RespLink link, CancellationToken late, CancellationToken cancellation)
    {
        try
        {
            await link.OpenAsync(failFast: true, late).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RespConnectionException($"No connection to {Options.Endpoint} was ready within {Options.ConnectTimeout}. {link.LastFault?.Message}", CommandOutcome.NotSent, link.LastFault);
        }
    }

    /// <summary>Replies come in order: when the one to a last PING is there, all are.</summary>
    private static async Task<bool> DrainAsync(RespLink link, long until)
    {
        // Twice: a script that the server did not know goes out again behind the first.
        int passes = 0;
        while (passes < 2)
        {
            long left = until - RespClock.Now;
            if (left <= 0)
                return false;
            try
            {
                ReplySlot slot = link.Rent(ReplyKind.Nothing, new SendTerms((int)left, CancellationToken.None));
                ValueTask last = new(slot, slot.Token);
                link.Send("*1\r\n$4\r\nPING\r\n"u8, slot);
                await last.ConfigureAwait(false);
                passes++;
            }
            catch (RespServerException)
            {
                // An answer all the same.
                passes++;
            }
            catch (RespOverloadException)
            {
                // No room for the PING itself: there will be, for nothing new comes.
                await Task.Delay(DrainRetryMilliseconds).ConfigureAwait(false);
            }
            catch (RespException)
            {
                return false;
            }
        }

        return true;
    }

    private async Task EndAsync()
    {
        Diagnostics.RespTelemetry.Remove(this);
        _links.Credentials.Close();
        Exception? fault = null;
        try
        {
            if (Options.CredentialsProvider is { } provider)
                provider.Changed -= OnCredentialsChanged;
        }
        catch (Exception failure)
        {
            // The provider's own failure is told when everything has ended.
            fault = failure;
        }

        await EndPushesAsync().ConfigureAwait(false);
        List<RespLink> links = [.. _commandLinks];
        if (_messages is { } messages)
            links.Add(messages.Link);
        foreach (RespLink link in links)
            await link.DisposeAsync().ConfigureAwait(false);
        await _blocking.EndAsync().ConfigureAwait(false);
        if (fault is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
    }
}

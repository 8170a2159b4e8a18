using System.Runtime.CompilerServices;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

/// <summary>
/// Commands that leave in one write per connection and complete together: <see cref="RespClient.CreateBatch"/>. No transaction: commands of others may run between them, and one that fails stops none.
/// </summary>
/// <remarks>
/// <para>Commands with the same key keep their order. A batch counts as one command in what may be in flight, and has one time limit.</para>
/// <para>Scripts that the server does not know are sent once more, with their source, in a second round: they then run behind the rest of the batch.</para>
/// <inheritdoc cref="RespCommandList" path="/remarks"/>
/// </remarks>
public sealed class RespBatch : RespCommandList
{
    private readonly SharedRoute _route;
    private readonly BatchPart?[] _parts;
    private readonly ValueTask[] _sent;
    private readonly List<Entry> _entries = [];
    private readonly int _mask;
    private State _state;

    internal RespBatch(SharedRoute route, int links)
    {
        _route = route;
        _parts = new BatchPart?[links];
        _sent = new ValueTask[links];
        _mask = links - 1;
    }

    private enum State
    {
        Filling,
        Executing,
        Executed,
    }

    /// <inheritdoc/>
    public override int Count => _entries.Count;

    /// <inheritdoc/>
    public override RespReply this[int index]
    {
        get
        {
            if (_state != State.Executed)
                throw new InvalidOperationException("The batch has not been executed.");
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _entries.Count);
            Entry entry = _entries[index];
            BatchPart part = _parts[entry.Part]!;
            if (entry.Again is { } again)
                return again.Failure is { } failure ? new RespReply(default, failure) : new RespReply(again.Reply.Span, null);
            return entry.Index < part.Replies.Count ? new RespReply(part.Replies[entry.Index], null) : new RespReply(default, part.Failure);
        }
    }

    internal override bool SendsSource => false;

    /// <summary>Sends all commands and waits for all replies.</summary>
    /// <param name="timeout">From this call to the last reply; null: <see cref="RespClientOptions.CommandTimeout"/>.</param>
    /// <param name="cancellationToken">Calls the waiting off; what was sent runs all the same.</param>
    /// <exception cref="RespException">Replies are missing: of a connection that was lost, in time, or because there was no room. What came can be read, and each command knows why it has none. An error that the server
    /// answered is no exception here but the reply of its command.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="InvalidOperationException">It was executed: clear it first.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ExecuteAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        SendTerms terms = new(CommandTime.Milliseconds(timeout), cancellationToken);
        if (_state != State.Filling)
            throw new InvalidOperationException("The batch was executed: clear it before it is used again.");
        if (_route.Refusal(cancellationToken) is { } refusal)
            throw refusal;
        _state = State.Executing;
        for (int link = 0; link < _parts.Length; link++)
        {
            if (_parts[link] is not { Count: > 0 } part)
                continue;
#pragma warning disable CA2012 // each is awaited once, below
            _sent[link] = part.SendAsync(_route, (uint)link, "PIPELINE", terms);
#pragma warning restore CA2012
        }

        Exception? failure = null;
        for (int link = 0; link < _parts.Length; link++)
        {
            if (_parts[link] is not { Count: > 0 } part)
                continue;
            try
            {
                await _sent[link].ConfigureAwait(false);
            }
            catch (Exception lost)
            {
                part.Failure = lost;
                failure ??= lost;
            }
        }

        // Also when a part failed: what the other connections answered is not its business.
        Exception? lostAgain = await ExecuteUnknownScriptsAsync(timeout, cancellationToken).ConfigureAwait(false);
        failure ??= lostAgain;
        _state = State.Executed;
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        if (_state == State.Executing)
            throw new InvalidOperationException("The batch is being executed.");
        foreach (Entry entry in _entries)
            entry.Again?.Reply.Dispose();
        _entries.Clear();
        foreach (BatchPart? part in _parts)
            part?.Clear();
        _state = State.Filling;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Clear();
        foreach (BatchPart? part in _parts)
            part?.Dispose();
    }

    internal override int Add(ReadOnlySpan<byte> frame, in CommandDraft draft, Script? script)
    {
        if (_state != State.Filling)
            throw new InvalidOperationException("The batch was executed: clear it before it is used again.");
        int link = (int)draft.Hash & _mask;
        BatchPart part = _parts[link] ??= new BatchPart();
        int offset = part.Frames.Length;
        part.Frames.Append(frame);
        _entries.Add(new Entry(link, part.Count++, script, script is null ? default : new Range(offset, part.Frames.Length), null));
        return _entries.Count - 1;
    }

    /// <summary>The second round: one command each, for this is rare.</summary>
    private async ValueTask<Exception?> ExecuteUnknownScriptsAsync(TimeSpan? timeout, CancellationToken cancellationToken)
    {
        List<(int Entry, Task<RespLease> Reply)>? again = null;
        for (int index = 0; index < _entries.Count; index++)
        {
            Entry entry = _entries[index];
            if (entry.Script is not null && entry.Index < _parts[entry.Part]!.Replies.Count && IsUnknownScript(_parts[entry.Part]!.Replies[entry.Index]))
                (again ??= []).Add((index, SendAgainAsync(entry, timeout, cancellationToken).AsTask()));
        }

        if (again is null)
            return null;
        Exception? failure = null;
        foreach ((int index, Task<RespLease> reply) in again)
        {
            try
            {
                _entries[index] = _entries[index] with { Again = new SecondReply(await reply.ConfigureAwait(false), null) };
            }
            catch (Exception lost)
            {
                Exception known = WithFirstForm(lost);
                _entries[index] = _entries[index] with { Again = new SecondReply(RespLease.Null, known) };
                failure ??= known is RespServerException ? null : known;
            }
        }

        return failure;
    }

    /// <summary>The first form was sent, and its refusal may be a text that the script itself produced: whatever becomes of the second, the command may have run.</summary>
    private static Exception WithFirstForm(Exception lost) => lost switch
    {
        RespTimeoutException { Outcome: CommandOutcome.NotSent } late => new RespTimeoutException($"The script's source was not sent in time after the server did not know its hash. {late.Message}", late),
        RespConnectionException { Outcome: CommandOutcome.NotSent } or RespOverloadException =>
            new RespConnectionException($"The script's source was not sent after the server did not know its hash. {lost.Message}", CommandOutcome.Unknown, lost),
        _ => lost,
    };

    // A reader is made for what may be an error, alone or behind attributes.
    private static bool IsUnknownScript(ReadOnlySpan<byte> reply) => reply is [(byte)RespPrefix.SimpleError or (byte)RespPrefix.BulkError or (byte)RespPrefix.Attribute, ..] && new RespReader(reply).ToException() is { } error && ScriptFallback.IsUnknownScript(error);

    private ValueTask<RespLease> SendAgainAsync(Entry entry, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        System.Buffers.ArrayBufferWriter<byte> frame = new();
        entry.Script!.Fallback.Rewrite(_parts[entry.Part]!.Frames.Span[entry.Frame], frame);
        ReplySlot slot = _route.Rent((uint)entry.Part, ReplyKind.Frame, new SendTerms(CommandTime.Milliseconds(timeout), cancellationToken));
        ValueTask<RespLease> task = new(slot, slot.Token);
        CommandRoute.Watch(slot, cancellationToken);
        _route.Send((uint)entry.Part, frame.WrittenSpan, slot);
        return task;
    }

    /// <param name="Part">The connection.</param>
    /// <param name="Index">Its place among that connection's commands.</param>
    /// <param name="Script">The script that is called; null for other commands.</param>
    /// <param name="Frame">Where the call stands, for a second round.</param>
    /// <param name="Again">What the second round brought.</param>
    private readonly record struct Entry(int Part, int Index, Script? Script, Range Frame, SecondReply? Again);

    private sealed record SecondReply(RespLease Reply, Exception? Failure);
}

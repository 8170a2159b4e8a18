using System.Runtime.CompilerServices;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

/// <summary>
/// Commands between MULTI and EXEC: the server runs all of them with nothing in between, or none. <see cref="RespClient.CreateTransaction"/>, or <see cref="RespWatch.CreateTransaction"/> to
/// run them only if keys have not changed.
/// </summary>
/// <remarks>
/// <para>All go out as one frame, on the connection of the first key. A command that fails while it runs (a key of the wrong type) undoes none of the others: each has its reply or its error.
/// One that the server refuses beforehand (no such command, wrong number of arguments, no right) ends the transaction: none runs.</para>
/// <para>Scripts are sent as their source. Commands that block, subscribe or change the connection have no place here. A user who may not MULTI runs the commands one by one and gets the error afterwards.</para>
/// <inheritdoc cref="RespCommandList" path="/remarks"/>
/// </remarks>
public sealed class RespTransaction : RespCommandList
{
    private readonly CommandRoute _route;
    private readonly BatchPart _part = new();
    private readonly List<Range> _results = [];
    private uint _hash;
    private bool _hasKey;
    private State _state;

    internal RespTransaction(CommandRoute route)
    {
        _route = route;
        Begin();
    }

    private enum State
    {
        Filling,
        Executing,
        Executed,
        Disposed,
    }

    /// <inheritdoc/>
    public override int Count => _part.Count - (_state is State.Executing or State.Executed ? 2 : 1);

    /// <inheritdoc/>
    public override RespReply this[int index]
    {
        get
        {
            if (_state != State.Executed)
                throw new InvalidOperationException("The transaction has not been executed.");
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            if (index < _results.Count)
                return new RespReply(_part.Replies[^1][_results[index]], null);
            // Not run: what the server said when it was to be queued, if that was an error.
            if (index + 1 < _part.Replies.Count && new RespReader(_part.Replies[index + 1]).ToException() is { } refusal)
                return new RespReply(default, refusal);
            return new RespReply(default, _part.Failure ?? new RespServerException("EXECABORT Nothing was executed, because watched keys changed."));
        }
    }

    internal override bool SendsSource => true;

    /// <summary>Sends everything and waits for the reply.</summary>
    /// <param name="timeout">From this call to the reply; null: <see cref="RespClientOptions.CommandTimeout"/>.</param>
    /// <param name="cancellationToken">Calls the waiting off; what was sent runs all the same.</param>
    /// <returns>True when the commands ran, each with its own reply or error; false when none ran because a watched key has changed.</returns>
    /// <exception cref="RespServerException">None ran, because the server refused one of them (<see cref="RespErrorKind.ExecAbort"/>; the command's own reply says why), or MULTI itself.</exception>
    /// <exception cref="RespException">No reply came; the exception says whether they may have run.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="InvalidOperationException">It was executed: clear it first. Or it has no command.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ExecuteAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        SendTerms terms = new(CommandTime.Milliseconds(timeout), cancellationToken);
        RequireFilling();
        if (Count == 0)
            throw new InvalidOperationException("The transaction has no command.");
        if (_route.Refusal(cancellationToken) is { } refusal)
            throw refusal;
        _part.Frames.Append("*1\r\n$4\r\nEXEC\r\n"u8);
        _part.Count++;
        _state = State.Executing;
        try
        {
            await _part.SendAsync(_route, _hash, "MULTI", terms).ConfigureAwait(false);
            return ReadOutcome();
        }
        catch (Exception lost)
        {
            _part.Failure = lost;
            throw;
        }
        finally
        {
            _state = State.Executed;
        }
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        ObjectDisposedException.ThrowIf(_state == State.Disposed, this);
        RequireAtRest();
        _part.Clear();
        _results.Clear();
        _hash = 0;
        _hasKey = false;
        _state = State.Filling;
        Begin();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        RequireAtRest();
        _state = State.Disposed;
        _part.Dispose();
    }

    internal override int Add(ReadOnlySpan<byte> frame, in CommandDraft draft, Script? script)
    {
        RequireFilling();
        if (!_hasKey && draft.HasKey)
            (_hasKey, _hash) = (true, draft.Hash);
        _part.Frames.Append(frame);
        return _part.Count++ - 1;
    }

    /// <summary>While it executes the connection reads the frames and writes the replies: memory that must stay what it is.</summary>
    private void RequireAtRest()
    {
        if (_state == State.Executing)
            throw new InvalidOperationException("The transaction is being executed.");
    }

    private void RequireFilling()
    {
        ObjectDisposedException.ThrowIf(_state == State.Disposed, this);
        RequireAtRest();
        if (_state != State.Filling)
            throw new InvalidOperationException("The transaction was executed: clear it before it is used again.");
    }

    private void Begin()
    {
        _part.Frames.Append("*1\r\n$5\r\nMULTI\r\n"u8);
        _part.Count = 1;
    }

    private bool ReadOutcome()
    {
        if (new RespReader(_part.Replies[0]).ToException() is { } refused)
            throw Fail(new RespServerException(refused.Text, refused));
        RespReader outcome = new(_part.Replies[^1]);
        if (outcome.ToException() is { } error)
            throw Fail(error);
        if (outcome.IsNull)
            return false;
        FrameParts.Find(_part.Replies[^1], _results);
        if (_results.Count != Count)
            throw Fail(new RespProtocolException($"EXEC answered with {_results.Count} replies to {Count} commands."));
        return true;
    }

    private RespException Fail(RespException failure)
    {
        _part.Failure = failure;
        return failure;
    }
}

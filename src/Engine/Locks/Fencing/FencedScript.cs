using Sluice.Resp;

namespace Sluice;

/// <summary>
/// A Lua script that a Redis server runs only for a lock's holder that has not been replaced: with a lower <see cref="LockHandle.FencingToken"/> than one that its fence has seen, it is refused and changes
/// nothing. The comparison and the script are one step of the server.
/// </summary>
/// <remarks>
/// <para>
/// The fence is a key of its own which holds the highest token that was seen, as decimal digits. It has to live as long as what it guards: it gets no time to live, and who deletes or evicts it takes the
/// protection away. On a cluster, give it the hash tag of the keys that it guards. Tokens of one lock may guard many fences; one fence must be guarded by the tokens of one lock.
/// </para>
/// <para>Immutable and thread-safe; make it static. The engine's server and the one that is written to need not be the same.</para>
/// </remarks>
public sealed class FencedScript
{
    // Numbers of a script are exact up to 2^53 and tokens are not bounded by that: they are compared as digits, the longer being the higher. Tokens are never negative.
    // The fence rises before the script runs: should the script fail, its token was seen all the same.
    private const string Guard =
        """
        local fence, token = redis.call('GET', KEYS[1]), ARGV[1]
        if fence and (#fence > #token or (#fence == #token and fence > token)) then
          return redis.error_reply('FENCED a holder with token ' .. fence .. ' has been here; this one is ' .. token)
        end
        if fence ~= token then redis.call('SET', KEYS[1], token) end
        table.remove(KEYS, 1)
        table.remove(ARGV, 1)

        """;

    private readonly Script _script;

    /// <summary>Takes a script.</summary>
    /// <param name="source">Lua, which sees its own <c>KEYS</c> and <c>ARGV</c>, from 1 on, without fence and token.</param>
    /// <param name="name">What measurements call it; null: nothing.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public FencedScript(string source, string? name = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        _script = new Script(Guard + source, name);
    }

    /// <summary>The script with its guard, as the server gets it.</summary>
    public string Source => _script.Source;

    /// <summary>True when a server's error is the refusal of a fence.</summary>
    /// <param name="error">What a call threw.</param>
    public static bool IsRefusal(RespServerException error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return error.Token == "FENCED";
    }

    /// <summary>Begins a call; write the arguments, and say what the reply is read as. A refusal is a <see cref="RespServerException"/> for which <see cref="IsRefusal"/> is true.</summary>
    /// <param name="client">Through which.</param>
    /// <param name="fence">The fence's key.</param>
    /// <param name="token">The holder's.</param>
    /// <param name="keys">The script's keys.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="token"/> is negative: no lock gives such a token.</exception>
    public RespCommand Command(RespClient client, string fence, long token, params ReadOnlySpan<string> keys)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(fence);
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        RespCommand command = client.Command(_script, keys.Length + 1);
        command.Key(fence);
        foreach (string key in keys)
            command.Key(key);
        command.Write(token);
        return command;
    }

    /// <summary>Runs the script for its effect.</summary>
    /// <param name="client">Through which.</param>
    /// <param name="fence">The fence's key.</param>
    /// <param name="token">The holder's.</param>
    /// <param name="keys">The script's keys.</param>
    /// <param name="arguments">The script's arguments.</param>
    /// <param name="cancellation">Stops waiting; the server may have run it, or run it later.</param>
    /// <returns>False: refused, nothing has changed.</returns>
    /// <exception cref="RespServerException">The server refused for another reason, or the script failed.</exception>
    /// <exception cref="RespException">No reply: the script may have run. With the same token it may be sent again, if it can be run twice.</exception>
    public async ValueTask<bool> TryRunAsync(RespClient client, string fence, long token, IReadOnlyList<string> keys, IReadOnlyList<string> arguments, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(arguments);
        try
        {
            await Begin().ConfigureAwait(false);
            return true;
        }
        catch (RespServerException refusal) when (IsRefusal(refusal))
        {
            return false;
        }

        ValueTask Begin()
        {
            RespCommand command = Command(client, fence, token, [.. keys]);
            foreach (string argument in arguments)
                command.Write(argument);
            return command.ExecuteAsync(cancellationToken: cancellation);
        }
    }
}

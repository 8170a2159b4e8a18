using Sluice.Cli.Arguments;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Coordination.Redis;
using Sluice.Resp;

namespace Sluice.Cli.Commands;

/// <summary>Runs a command and turns what people can do something about into one line and an exit status.</summary>
internal static class CommandGuard
{
    public static async Task<int> RunAsync(Func<Task<int>> command)
    {
        try
        {
            return await command().ConfigureAwait(false);
        }
        catch (BadArgumentException e)
        {
            return Refuse(e.Message, ExitCode.BadArguments);
        }
        catch (ToolFailureException e)
        {
            return Refuse(e.Message, e.ExitCode);
        }
        catch (RespServerException e) when (e.Kind == RespErrorKind.NoPermission)
        {
            return Refuse($"the server refuses: {e.Text}. The user needs these rights: {AccessRule.For("NAME", "PREFIX")} {AccessRule.ForTools}", ExitCode.UnusableServer);
        }
        catch (Exception e) when (e is RespException or CoordinatorException or UnsuitableServerException)
        {
            return Refuse(e.Message, ExitCode.UnusableServer);
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
    }

    private static int Refuse(string message, int exitCode)
    {
        Terminal.Complain(Terminal.Create(Console.Error), message);
        return exitCode;
    }

    /// <summary>Opens what <c>--redis</c> names; nothing is spawned for a command that looks at what is there.</summary>
    public static async ValueTask<RedisStore> OpenAsync(string? redis, CancellationToken cancellation)
    {
        IReadOnlyList<string> urls = RedisTarget.ParseRequired("--redis", redis);
        if (urls is [RedisTarget.Spawn])
            throw new BadArgumentException("--redis spawn starts an empty server, where there is nothing to look at: give its URL");
        return await RedisStore.OpenAsync(urls, cancellation).ConfigureAwait(false);
    }
}

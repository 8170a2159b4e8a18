using Sluice.Harness;

namespace Sluice.Packages.Tests;

/// <summary>Runs the SDK as a user does.</summary>
internal static class DotnetCommand
{
    // No node of this build stays behind, and nothing of the surrounding run leaks into it.
    private static readonly Dictionary<string, string?> Environment = new(StringComparer.Ordinal)
    {
        ["MSBUILDDISABLENODEREUSE"] = "1",
        ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
        ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
        ["DOTNET_NOLOGO"] = "1",
        ["MSBuildSDKsPath"] = null,
        ["MSBuildExtensionsPath"] = null,
        ["RestoreLockedMode"] = "false",
    };

    /// <summary>Returns what it wrote; fails with it when the command fails.</summary>
    public static async Task<string> RunAsync(string[] arguments, string workingDirectory)
    {
        await using ProcessHost process = ProcessHost.Start("dotnet", arguments, Environment, workingDirectory);
        int status = await process.ExitCode.WaitAsync(Xunit.TestContext.Current.CancellationToken);
        return status == 0 ? process.Transcript : throw new InvalidOperationException($"'{process.CommandLine}' ended with status {status}:\n{process.Transcript}");
    }
}

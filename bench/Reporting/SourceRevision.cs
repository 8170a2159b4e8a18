using Sluice.Harness;

namespace Sluice.Bench;

/// <summary>Which source was measured.</summary>
internal static class SourceRevision
{
    /// <summary>The commit, and whether something has been changed since.</summary>
    public static async Task<string> HereAsync()
    {
        try
        {
            string commit = await GitAsync("rev-parse", "HEAD");
            return await GitAsync("status", "--porcelain", "--untracked-files=no") is { Length: > 0 } ? $"{commit}, with changes that are not committed" : commit;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return $"unknown ({e.Message})";
        }
    }

    private static async Task<string> GitAsync(params string[] arguments)
    {
        await using ProcessHost git = ProcessHost.Start("git", arguments);
        return await git.ExitCode == 0 ? git.Transcript.Trim() : throw new InvalidOperationException("not a git repository");
    }
}

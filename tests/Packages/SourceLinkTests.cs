using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using Sluice.Harness;
using Xunit;

namespace Sluice.Packages.Tests;

public sealed class SourceLinkTests
{
    private const string Remote = "https://github.com/example/sluice";

    // Source link's record in a portable PDB, as its specification names it.
    private static readonly Guid SourceLinkKind = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");

    // A debugger that steps into the package downloads the sources from the address in the symbols. There is one only if the clone has a published
    // remote, so the test makes such a clone of the current commit and packs the smallest package of it.
    [Fact]
    public async Task The_symbols_of_a_clone_with_a_published_remote_name_the_remote_and_the_commit()
    {
        Assert.SkipUnless(Path.Exists(Path.Combine(Repository.Root, ".git")), "The sources are not a git repository.");
        using TemporaryFolder folder = new();
        string commit = (await GitAsync(["rev-parse", "HEAD"], Repository.Root)).Trim();
        await GitAsync(["clone", "--quiet", "--no-hardlinks", Repository.Root, folder["clone"]], folder.Path);
        await GitAsync(["remote", "set-url", "origin", Remote], folder["clone"]);

        await DotnetCommand.RunAsync(["pack", "src/Resp", "-c", "Release", "-o", folder["packages"], "-v", "quiet"], folder["clone"]);

        string link = ReadSourceLink(Directory.GetFiles(folder["packages"], "*.snupkg").Single());
        Assert.Contains($"https://raw.githubusercontent.com/example/sluice/{commit}/*", link, StringComparison.Ordinal);
    }

    private static string ReadSourceLink(string symbolPackage)
    {
        using ZipArchive package = ZipFile.OpenRead(symbolPackage);
        using MemoryStream copy = new();
        using (Stream entry = package.GetEntry("lib/net10.0/Sluice.Resp.pdb")!.Open())
            entry.CopyTo(copy);
        copy.Position = 0;
        using MetadataReaderProvider pdb = MetadataReaderProvider.FromPortablePdbStream(copy);
        MetadataReader reader = pdb.GetMetadataReader();
        CustomDebugInformation link = reader.CustomDebugInformation
            .Select(reader.GetCustomDebugInformation)
            .Single(record => reader.GetGuid(record.Kind) == SourceLinkKind);
        return Encoding.UTF8.GetString(reader.GetBlobBytes(link.Value));
    }

    private static async Task<string> GitAsync(string[] arguments, string workingDirectory)
    {
        await using ProcessHost git = ProcessHost.Start("git", arguments, environment: null, workingDirectory);
        int status = await git.ExitCode.WaitAsync(TestContext.Current.CancellationToken);
        return status == 0 ? git.Transcript : throw new InvalidOperationException($"'{git.CommandLine}' ended with status {status}: {git.Transcript}");
    }
}
